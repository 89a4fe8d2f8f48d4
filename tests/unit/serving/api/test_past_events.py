"""A user's last events: each once, newest first, with what it counts by now, and where it lies."""

import numpy as np

from serving.api.followed.item_details import ItemDetails
from serving.api.shown.item_map import ItemMap
from serving.api.shown.past_events import Shown, history_of
from serving.state.user_state import EventKind, RecentText, RingEvent, UserState, Word
from tests.unit.serving.api.test_item_map import catalogue, vector

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000


def event(name: str, kind: EventKind, days_ago: float, preference: float, **more: object) -> RingEvent:
    at = NOW_MS - int(days_ago * DAY_MS)
    return RingEvent(at, name, 1, str(more.pop("item_id", "i0")), kind, 0.0, preference, **more)  # type: ignore[arg-type]


def text(name: str, days_ago: float, genre: str) -> RecentText:
    at = NOW_MS - int(days_ago * DAY_MS)
    return RecentText(at, name, "", 1.5, vector(genre, 1).tobytes(), words=[Word(genre, 1.0, 0)])


def shown(items: ItemDetails) -> Shown:
    return Shown(items.title, ItemMap(items), half_life_days=10.0)


def test_each_stands_once_newest_first_with_what_it_counts_by_now() -> None:
    state = UserState(
        long=vector("war", 1).astype(np.float32),
        event_count=17,
        ring=[
            event("old", EventKind.CLICK, 20, 1.0),
            event("bad", EventKind.DISMISS, 10, -1.0, item_id="i2"),
            event("gone", EventKind.LIKE, 5, 0.0, retracted=True),
            event("said", EventKind.STATEMENT, 1, 1.5, item_id="", written=True),
        ],
        texts=[text("older", 30, "music"), text("said", 1, "war")],
    )

    history = history_of("u1", state, shown(catalogue(100)), NOW_MS)

    assert [each.event_id for each in history.events] == ["said", "gone", "bad", "old", "older"]
    by_id = {each.event_id: each for each in history.events}
    assert (by_id["old"].points, by_id["bad"].points, by_id["older"].points) == (0.25, -0.5, 0.1875)
    assert by_id["gone"].retracted
    assert (by_id["bad"].kind, by_id["bad"].title, by_id["bad"].place) == ("dismiss", "i2", None)
    assert (by_id["said"].words, by_id["said"].item_id) == (["war"], None)
    assert by_id["said"].place is not None
    assert history.place == by_id["said"].place
    assert history.count == 17


def test_of_whom_nothing_is_known_nothing_is_told() -> None:
    history = history_of("u1", UserState(), shown(catalogue(10)), NOW_MS)

    assert (history.events, history.place, history.waiting) == ([], None, 0)
