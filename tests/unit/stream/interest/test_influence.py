"""What of a user's events everybody's lists count: once an item and day, however the user goes about it."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.state.user_state import PendingEvent, UserState
from stream.events.decoder import Event
from stream.events.weights import Weight
from stream.interest.fold import Bounds, entry_of, subtract
from stream.interest.influence import DAY_S, counted, nth_of_day
from stream.testing import NOW_MS
from tests.support.events import event, take

DAY_MS = 1000 * DAY_S
NOON_MS = NOW_MS - NOW_MS % DAY_MS + DAY_MS // 2


def came(n: int, covisit: float = 0.3, *, item: str = "i1", at_ms: int = NOON_MS, seen: bool = True) -> Event:
    """An event that arrives when it happens."""
    made = event(f"e{n}", item, time_ms=at_ms, covisit=covisit, seen=seen)
    return replace(made, record=replace(made.record, timestamp_ms=at_ms))


def count(state: UserState, *events: Event) -> list[float]:
    """What each counts; it is folded then."""
    told = []
    for each in events:
        told.append(round(counted(state, each), 6))
        take(state, each)
    return told


def numbered(state: UserState, *events: Event) -> list[int]:
    """The how-manieth of its day each is; it is folded then."""
    told = []
    for each in events:
        told.append(nth_of_day(state, each))
        take(state, each)
    return told


def test_events_of_a_day_are_numbered_as_far_as_the_ring_reaches() -> None:
    burst = [came(n, item=f"i{n}", at_ms=NOON_MS + n) for n in range(30)]

    assert numbered(UserState(), *burst, came(30, at_ms=NOON_MS + 2 * DAY_MS)) == [*range(1, 22), *[21] * 9, 1]


def test_invented_times_make_no_event_the_first_of_a_day() -> None:
    """One minute's events that say to be of other days, in any order: one of them may be of today."""
    for days in (range(19), range(19, 0, -1)):
        now = [came(n, item=f"i{n}") for n in range(len(days))]
        late = [replace(each, time_ms=NOON_MS - day * DAY_MS) for each, day in zip(now, days, strict=True)]
        assert numbered(UserState(), *late)[2:] == list(range(3, len(days) + 1))


def test_what_waits_for_its_vector_is_numbered() -> None:
    waits = PendingEvent("t", 0, 0, 0, "e0", "i9", None, b"", [])

    assert nth_of_day(UserState(pending=[waits]), came(1)) == 2


def test_126_clicks_of_a_day_count_as_one() -> None:
    assert sum(count(UserState(), *(came(n, at_ms=NOON_MS + n) for n in range(126)))) == 0.3


def test_what_is_stronger_counts_what_it_is_more() -> None:
    assert count(UserState(), came(0, 0.2), came(1, 0.3), came(2, 1.0), came(3, 1.0)) == [0.2, 0.1, 0.5, 0.0]


def test_another_day_counts_less_and_less() -> None:
    days = [came(n, 1.0, at_ms=NOON_MS + n * DAY_MS) for n in range(4)]

    assert count(UserState(), *days) == [1.0, 0.5, 0.333333, 0.25]


def test_another_item_counts_in_full() -> None:
    assert count(UserState(), came(0), came(1, item="i2")) == [0.3, 0.3]


def test_it_holds_without_a_seen_set_as_far_as_the_ring_reaches() -> None:
    assert count(UserState(), came(0, seen=False), came(1, seen=False)) == [0.3, 0.0]


def test_invented_times_open_no_new_day() -> None:
    """One minute's events that say to be of a hundred days, in any order, count as one."""
    for days in (range(100), range(100, 0, -1)):
        now = [came(n, at_ms=NOON_MS) for n in range(100)]
        late = [replace(each, time_ms=NOON_MS - day * DAY_MS) for each, day in zip(now, days, strict=True)]
        assert sum(count(UserState(), *late)) <= 0.3 + 0.15  # one of them may be of today


def test_a_retraction_makes_no_room() -> None:
    state, first = UserState(), came(0)
    take(state, first)
    subtract(state, entry_of(first), None, Bounds())

    assert counted(state, came(1)) == 0.0


def test_a_dislike_makes_no_room() -> None:
    state = UserState()
    take(state, replace(came(0), weight=Weight(0.3, -1.0)))

    assert counted(state, came(1)) == 0.0


def test_what_waits_for_its_vector_has_counted() -> None:
    waits = PendingEvent("t", 0, 0, 0, "e0", "i1", None, b"", [])
    state = UserState(pending=[waits])

    assert counted(state, came(1)) == 0.0


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.3, 0.7, 1.0]), st.integers(0, DAY_MS // 2 - 1)), max_size=24))
@settings(max_examples=30)
def test_a_day_never_counts_more_than_its_strongest_event(events: list[tuple[float, int]]) -> None:
    """Whatever the order, as rows keep weights in hundredths and the ring lets go."""
    day = [came(n, covisit, at_ms=NOON_MS + at) for n, (covisit, at) in enumerate(events)]

    assert sum(count(UserState(), *day)) <= max((covisit for covisit, _ in events), default=0.0) + 1e-3
