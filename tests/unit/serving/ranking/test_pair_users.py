"""Two items only belong together in others' lists once so many users took both, however often one of them did."""

import numpy as np
import pytest

from penchant.messages import CoVisitEvent, CoVisits
from serving.arrays import Floats
from serving.ranking import snapshots
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState
from tests.unit.serving.ranking.test_ranker import catalogue, interaction

ONE, OTHER = "romance-1", "western-3"
LISTS = [UserState(ring=[interaction(ONE)]), UserState(ring=[interaction(OTHER)]), UserState()]


class Told:
    """Statistics over a shop in which everybody took everything, one thing each."""

    def __init__(self, pair_users: int) -> None:
        self.items = catalogue()
        self.statistics = Statistics(self.items, {}, pair_users=pair_users)
        self.offset = 0
        for item_id in list(self.items.ids):
            self.tell(item_id)

    def tell(self, item_id: str, before: str | None = None, *, again: bool = False) -> None:
        """An event, of a user who took another item before it, or not; again: and this one, too."""
        self.offset += 1
        ring = [(before, 1.0)] if before else []
        event = CoVisitEvent(self.offset, item_id, 0.5 if again else 1.0, ring, [9] * len(ring), own=1.0)
        self.statistics.apply(CoVisits(topic="", partition=0, first=self.offset, last=self.offset, events=[event]))

    def scores(self) -> list[Floats]:
        """What the lists of others go by."""
        self.statistics.refit()
        made = self.statistics
        ranker = Ranker(self.items, made.popularity, covisits=made.covisits, ease=made.ease)
        return [ranker.points(state) for state in LISTS]


def shown_to_lists(told: Told, row: int) -> dict[int, tuple[float, float]]:
    """What lists read of an item's neighbours."""
    covisits = told.statistics.covisits
    items, weights = covisits._items[row], covisits._weights[row]
    size = int(covisits.neighbours(row + 1).sizes[row])
    found = zip(items[:size].tolist(), weights[0, :size].tolist(), weights[1, :size].tolist(), strict=True)
    return {item: (both, after) for item, both, after in found if both}


def pairs(told: Told, users: int) -> None:
    """So many users take the one and then the other."""
    for _ in range(users):
        told.tell(ONE)
        told.tell(OTHER, before=ONE)


def strangers(told: Told, users: int) -> None:
    """As many take the one, and as many others the other."""
    for _ in range(users):
        told.tell(ONE)
        told.tell(OTHER)


@pytest.mark.parametrize(("least", "users", "shown"), [(1, 1, True), (2, 1, False), (2, 2, True), (3, 2, False)])
def test_what_too_few_users_took_together_changes_nobody_s_scores(least: int, users: int, *, shown: bool) -> None:
    together, apart = Told(least), Told(least)
    pairs(together, users)
    strangers(apart, users)

    same = [np.array_equal(have, other) for have, other in zip(together.scores(), apart.scores(), strict=True)]

    assert same == [not shown, not shown, True]


def test_one_user_is_one_however_often_she_comes_back() -> None:
    together, apart = Told(2), Told(2)
    pairs(together, 1)
    strangers(apart, 1)
    for _ in range(5):
        together.tell(ONE, before=OTHER, again=True)
        together.tell(OTHER, before=ONE, again=True)
        apart.tell(ONE, again=True)
        apart.tell(OTHER, again=True)

    for have, other in zip(together.scores(), apart.scores(), strict=True):
        np.testing.assert_array_equal(have, other)


def test_lists_go_by_those_of_many_neighbours_that_enough_users_took() -> None:
    told, rows = Told(2), []
    for n in range(3, 20, 4):
        for _ in range(1 + (n > 8)):
            told.tell(f"western-{n}", before=ONE)
        rows.append(told.items.row(f"western-{n}"))
    scores = told.scores()[0]
    shown = shown_to_lists(told, told.items.row(ONE))

    assert shown == dict.fromkeys(rows[2:], (2.0, 2.0))
    assert np.isfinite(scores).all()


def test_who_took_them_together_is_counted_on_after_a_restart() -> None:
    """Given one user before it and another after it, then they are two."""
    before, after = Told(2), Told(2)
    pairs(before, 1)
    after.statistics.restore(snapshots.decode(list(snapshots.encode(before.statistics.snapshot("", 0, 0)))))
    hidden = shown_to_lists(after, after.items.row(ONE))
    after.offset = before.offset
    pairs(after, 1)

    assert hidden == {}
    assert list(shown_to_lists(after, after.items.row(ONE))) == [after.items.row(OTHER)]
    assert after.statistics.ease.begin(np.ones(100, np.float32)).counts.astype(bool).sum() == len(after.items) + 2
