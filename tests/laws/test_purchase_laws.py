"""Laws of what is remembered of purchases: the newest of all that came, whatever the order, without what was retracted.

What the item statistics are told of the gaps between them sums to the same, too.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.state.purchases import VISIT_S, bought
from serving.state.user_state import EventKind, UserState, decode, encode, item_hash
from stream.events.decoder import Event
from stream.interest.fold import Bounds, fold, join, retract_in_advance, subtract
from stream.interest.fold import entry_of as entry
from stream.interest.purchases import purchase_context
from stream.testing import FINGERPRINT, NOW_MS
from tests.support.events import event

FEW = Bounds(purchases=5)
ITEMS = 3


@st.composite
def purchases(draw: st.DrawFn, most: int = 12) -> list[Event]:
    """Of three items, each time more than a visit later than the one before."""
    gaps_s = draw(st.lists(st.integers(VISIT_S + 1, 10**6), min_size=1, max_size=most))
    times_s = [sum(gaps_s[: n + 1]) for n in range(len(gaps_s))]
    return [
        replace(
            event(f"e{n}", f"i{draw(st.integers(0, ITEMS - 1))}", time_ms=NOW_MS + 1000 * at),
            kind=EventKind.PURCHASE,
            bought=True,
        )
        for n, at in enumerate(times_s)
    ]


def row(each: Event, retracted: set[str]) -> tuple[int, int, int]:
    item = 0 if each.event_id in retracted else item_hash(each.item_id or "")
    return (each.time_ms // 1000, each.dedup_key & 0xFFFFFFFF, item)


def saved(state: UserState) -> UserState:
    return decode(encode(state, FINGERPRINT), FINGERPRINT)


@settings(max_examples=100)
@given(purchases(), st.data())
def test_the_newest_are_kept_in_any_order_each_once(made: list[Event], data: st.DataObject) -> None:
    """Given more of them than are kept, some twice, some retracted before they came and some after."""
    gone = data.draw(st.sets(st.sampled_from([each.event_id for each in made])))
    early = data.draw(st.sets(st.sampled_from(sorted(gone)))) if gone else set()
    state = UserState()
    for each in data.draw(st.permutations([*made, *data.draw(st.lists(st.sampled_from(made)))])):
        if each.event_id in early:
            retract_in_advance(state, each, FEW)
        else:
            fold(state, each, None, None, FEW)
        state = saved(state)
    for each in made:
        if each.event_id in gone - early:
            subtract(state, entry(each), None, FEW)

    assert state.purchases.tolist() == sorted(row(each, gone) for each in made)[-FEW.purchases :]


@settings(max_examples=50)
@given(purchases(), st.data())
def test_two_users_joined_bought_what_both_did(made: list[Event], data: st.DataObject) -> None:
    one, other = UserState(), UserState()
    for each in made:
        fold(data.draw(st.sampled_from([one, other])), each, None, None, FEW)
    first, second = (one, other) if data.draw(st.booleans()) else (other, one)
    join(first, second, FEW)

    assert first.purchases.tolist() == sorted(row(each, set()) for each in made)[-FEW.purchases :]


def told(made: Sequence[Event]) -> Counter[tuple[str, int]]:
    """Each item's gaps as the statistics sum them up: what an event puts between two takes theirs away."""
    state, gaps = UserState(), Counter[tuple[str, int]]()
    for each in made:
        before_s, after_s = purchase_context(state, each).purchase or (0, 0)
        for gap_s, count in ((before_s, 1), (after_s, 1), (before_s + after_s, -1 if before_s and after_s else 0)):
            gaps[each.item_id or "", gap_s] += count if gap_s else 0
        fold(state, each, None, None, Bounds())
    return Counter({gap: count for gap, count in gaps.items() if count})


@settings(max_examples=50)
@given(purchases(), st.data())
def test_the_gaps_told_are_those_between_purchases_in_any_order(made: list[Event], data: st.DataObject) -> None:
    state = UserState()
    for each in made:
        fold(state, each, None, None, Bounds())
    gaps = {each.item: Counter(each.gaps_s) for each in bought(state)}

    assert told(data.draw(st.permutations(made))) == Counter(
        {
            (f"i{n}", gap_s): count
            for n in range(ITEMS)
            for gap_s, count in gaps.get(item_hash(f"i{n}"), Counter()).items()
        }
    )
