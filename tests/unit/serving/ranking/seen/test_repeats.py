"""What everybody buys again, and when: counts by item and kind, the same in any order."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.ranking.seen.repeats import BUCKETS, Purchase, RepeatCounts, Repeats
from serving.state.purchases import VISIT_S

DAY_S = 86_400
FIRST = Purchase((0, 0))


def again(days: float) -> Purchase:
    return Purchase((round(days * DAY_S), 0))


def shares(repeats: Repeats, *items: tuple[int, str]) -> list[float]:
    told: list[float] = repeats.usual([row for row, _ in items], [kind for _, kind in items]).shares.tolist()
    return told


def days(repeats: Repeats, row: int, kind: str, q: float = 0.5) -> float:
    return float(repeats.usual([row], [kind]).quantiles_s(q)[0]) / DAY_S


def of(counts: RepeatCounts) -> dict[int, tuple[str, int, list[int]]]:
    rows = zip(counts.kinds, counts.purchases.tolist(), counts.gaps.tolist(), strict=True)
    return dict(zip(counts.rows.tolist(), rows, strict=True))


def told(times_s: Sequence[int]) -> list[Purchase]:
    """One user's purchases of an item in the order they come in: the gaps to those that came before."""
    made = []
    for n, time_s in enumerate(times_s):
        gaps = [other - time_s for other in times_s[:n]]
        before, after = ([abs(gap) for gap in gaps if gap * sign > 0] for sign in (-1, 1))
        made.append(Purchase((min(before, default=0), min(after, default=0))))
    return made


@settings(max_examples=50)
@given(st.lists(st.integers(VISIT_S + 1, 10**7), min_size=1, max_size=8), st.data())
def test_the_order_in_which_purchases_come_changes_nothing(gaps_s: list[int], data: st.DataObject) -> None:
    times_s = np.cumsum(gaps_s).tolist()
    sorted_, shuffled = Repeats(), Repeats()
    for repeats, times in ((sorted_, times_s), (shuffled, data.draw(st.permutations(times_s)))):
        for purchase in told(times):
            repeats.add(0, "tea", purchase)

    assert of(shuffled.counts()) == of(sorted_.counts())
    assert sum(of(sorted_.counts())[0][2]) == len(gaps_s) - 1


def test_a_durable_a_consumable_and_what_nobody_has_bought_yet() -> None:
    repeats = Repeats()
    for n in range(60):
        repeats.add(0, "beans", FIRST if n < 12 else again(21))
        repeats.add(1, "machines", FIRST)
    of_beans, of_machines, new_beans, unknown = shares(repeats, (0, "beans"), (1, "machines"), (7, "beans"), (8, "new"))

    assert of_beans > 0.7 < new_beans
    assert of_machines == unknown == 0.0
    assert days(repeats, 0, "beans") == pytest.approx(21, rel=0.1) == days(repeats, 7, "beans")
    assert days(repeats, 8, "new") == pytest.approx(21, rel=0.1), "drawn towards the catalogue's"


def test_few_of_an_item_are_drawn_towards_its_kind_and_many_are_not() -> None:
    repeats = Repeats()
    for _ in range(200):
        repeats.add(0, "tea", again(40))
    repeats.add(1, "tea", again(10))
    assert days(repeats, 1, "tea") == pytest.approx(40, rel=0.1)
    for _ in range(30):
        repeats.add(1, "tea", again(10))
    assert days(repeats, 1, "tea") == pytest.approx(10, rel=0.1)


def test_a_users_own_gaps_count_and_one_alone_is_no_habit() -> None:
    repeats = Repeats()
    for _ in range(50):
        repeats.add(0, "tents", FIRST)
        repeats.add(1, "tea", again(40))
    own = repeats.usual([0, 0, 1], ["tents", "tents", "tea"], [[30 * DAY_S], [30 * DAY_S] * 4, [10 * DAY_S] * 6])

    once, often, _ = own.shares.tolist()
    assert once < 0.05
    assert often > 0.4
    assert own.quantiles_s(0.5)[2] == pytest.approx(10 * DAY_S, rel=0.1)


def test_the_share_that_has_bought_after_a_time_is_the_quantile_turned_round() -> None:
    repeats = Repeats()
    for each in (5, 9, 9, 14, 30, 31, 60):
        repeats.add(0, "tea", again(each))
    usual = repeats.usual([0], ["tea"])
    for q in (0.1, 0.5, 0.9):
        assert usual.bought_by(usual.quantiles_s(q))[0] == pytest.approx(q, abs=1e-6)
    assert usual.gaps.sum() == pytest.approx(1.0)
    assert usual.gaps.shape == (1, BUCKETS)


def test_who_bought_of_a_kind_buys_no_more_of_it_until_the_evidence_says_so() -> None:
    """Given machines that are bought once, and novels one after the other."""
    repeats, month_s = Repeats(), 30 * DAY_S
    assert repeats.lift("machines", month_s) == 0.25
    for n in range(200):
        repeats.add(n, "novels", Purchase((0, 0), [("novels", month_s), ("machines", month_s)]))
    for n in range(100):
        repeats.add(1000 + n, "machines", Purchase((0, 0), [("novels", month_s)]))

    assert repeats.lift("machines", month_s) < 0.05
    assert repeats.lift("novels", month_s) > 0.9
    assert repeats.lift("machines", 3 * 365 * DAY_S) == pytest.approx(1.0), "nobody knows yet: as anybody else"


def test_an_item_whose_facets_change_is_of_its_new_kind_with_all_its_purchases() -> None:
    changed, always = Repeats(), Repeats()
    for purchase in (FIRST, again(20), again(22)):
        changed.add(0, "", purchase)
        always.add(0, "tea", purchase)
    for repeats in (changed, always):
        repeats.add(0, "tea", again(21))

    assert shares(changed, (5, "tea"), (5, "")) == shares(always, (5, "tea"), (5, ""))


def test_what_was_counted_is_taken_over_under_other_rows() -> None:
    before, after = Repeats(), Repeats()
    for n in range(9):
        before.add(n % 2, "tea", Purchase((n * DAY_S, 0), [("tea", 40 * DAY_S)]))
    after.add(7, "gone", FIRST)
    after.restore(np.array([5, 3]), before.counts())

    assert of(after.counts()) == {5: of(before.counts())[0], 3: of(before.counts())[1]}
    assert shares(after, (5, "tea"), (9, "tea"), (9, "gone")) == shares(before, (0, "tea"), (9, "tea"), (9, "gone"))
    assert after.lift("tea", 40 * DAY_S) == before.lift("tea", 40 * DAY_S)
