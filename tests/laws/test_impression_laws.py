"""Laws of what is remembered of impressions: the newest of all that came, whatever the order, also beyond the bound."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.state.user_state import EventKind, UserState, decode, encode, item_hash
from stream.events.decoder import Event
from stream.interest.fold import Bounds, entry_of, fold, join, retract_in_advance, subtract
from stream.testing import FINGERPRINT, NOW_MS
from tests.support.events import event

FEW = Bounds(impressions=5)
Row = tuple[int, int, int]


@st.composite
def impressions(draw: st.DrawFn) -> list[Event]:
    """Up to 20 of four items, some in the same second."""
    times = draw(st.lists(st.integers(0, 30), min_size=1, max_size=20))
    return [
        replace(
            event(
                f"e{n}",
                f"i{draw(st.integers(0, 3))}",
                time_ms=NOW_MS + 500 * at,
                preference=0.0,
                covisit=0.0,
                seen=False,
            ),
            kind=EventKind.IMPRESSION,
        )
        for n, at in enumerate(times)
    ]


def row(each: Event, retracted: set[str]) -> Row:
    item = 0 if each.event_id in retracted else item_hash(each.item_id or "")
    return (each.time_ms // 1000, each.dedup_key & 0xFFFFFFFF, item)


def newest(made: list[Event], retracted: set[str]) -> list[Row]:
    """By time, of the same second by the hash of the id."""
    return sorted((row(each, retracted) for each in made), key=lambda each: each[:2])[-FEW.impressions :]


def saved(state: UserState) -> UserState:
    return decode(encode(state, FINGERPRINT), FINGERPRINT)


@settings(max_examples=200)
@given(impressions(), st.data())
def test_the_newest_are_kept_in_any_order_each_once(made: list[Event], data: st.DataObject) -> None:
    """Given more of them than are kept, some twice, some retracted before they came, saved after each."""
    gone = data.draw(st.sets(st.sampled_from([each.event_id for each in made])))
    state = UserState()
    for each in data.draw(st.permutations([*made, *data.draw(st.lists(st.sampled_from(made)))])):
        if each.event_id in gone:
            retract_in_advance(state, each, FEW)
        else:
            fold(state, each, None, None, FEW)
        state = saved(state)

    assert state.impressions.tolist() == newest(made, gone)
    assert not state.known


@settings(max_examples=200)
@given(impressions(), st.data())
def test_two_users_joined_were_shown_what_both_were(made: list[Event], data: st.DataObject) -> None:
    """Given some that both users have, then each stands once, whoever is joined into whom and whatever comes after."""
    owners = [data.draw(st.sampled_from(["one", "other", "both", "later"])) for _ in made]
    one, other = UserState(), UserState()
    for each, owner in zip(made, owners, strict=True):
        for state, names in ((one, {"one", "both"}), (other, {"other", "both"})):
            if owner in names:
                fold(state, each, None, None, FEW)
    first, second = (one, other) if data.draw(st.booleans()) else (other, one)
    join(first, second, FEW)
    for each, owner in zip(made, owners, strict=True):
        if owner == "later":
            fold(first, each, None, None, FEW)

    assert first.impressions.tolist() == newest(made, set())


@given(impressions(), st.data())
def test_what_is_retracted_is_of_no_item_and_does_not_come_again(made: list[Event], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(made))
    state = UserState()
    for each in made:
        fold(state, each, None, None, FEW)
    subtract(state, entry_of(gone), None, FEW)
    for each in made:
        fold(state, each, None, None, FEW)

    assert state.impressions.tolist() == newest(made, {gone.event_id})
