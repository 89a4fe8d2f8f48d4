"""The protocol by tiny sets whose answers are known: what may be listed, what is measured, what is learned when."""

import numpy as np
import pytest

from benchmarks.baselines.all import NAMES, baselines, left_out
from benchmarks.baselines.knn import LastItem, Together
from benchmarks.baselines.popular import Popular
from benchmarks.quality.methods import Effort, TunedMethod
from benchmarks.quality.report import report
from benchmarks.quality.run import PrequentialRun
from evaluation.measures import summary
from evaluation.prequential.data_sets import NO_TIME_MS, Case, DatasetEvent, DatasetItem
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.protocol import CandidateFilter, of_cases, of_events
from evaluation.prequential.steps import Step
from penchant.errors import Misconfigured
from serving.arrays import Floats
from tests.support.tiny import DAY_MS, catalogue, event, pairs


def items(n: int, *, day: int | None = None) -> list[DatasetItem]:
    """`n` items; with `day` the one in row r exists since r times so many days."""
    return [DatasetItem(str(row), "", "", {}, NO_TIME_MS if day is None else row * day * DAY_MS) for row in range(n)]


def stream(events: list[DatasetEvent], n: int, rule: str = "all", *, repeats: bool = False) -> list[Step]:
    return list(of_events(events, CandidateFilter(rule, items(n, day=1)), repeats=repeats))


def test_popularity_on_a_stream_of_twelve_events() -> None:
    """Given item 0 liked 3 times, 1 twice and 2 once, then most popular ranks six more likes as worked out by hand."""
    before = [event("a", 0), event("b", 0), event("c", 0), event("a", 1), event("b", 1), event("a", 2)]
    asked = [
        (event("new", 0), 0.0),  # the most popular
        (event("new", 1), 0.0),  # the most popular but 0, which is no candidate now
        (event("c", 3), 3.0),  # behind 1 and 2, among three without interactions
        (event("d", 2), 2.5),  # behind 0 and 1, equal to 3
        (event("d", 0), 0.0),
        (event("e", 5), 4.5),  # equal to 4
    ]
    run = PrequentialRun(Penchant(catalogue(6), repeats=False), [Popular(6)])

    run.over(stream([*before, *(each for each, _ in asked)], 6), lambda: None)

    assert run.lists["popular"].ranks == [rank for _, rank in asked]
    assert [step.unseen for step in run.steps] == [False, False, True, False, False, True]


def test_half_of_the_events_are_measured_by_count_not_by_time() -> None:
    events = [event("a", row, time_ms) for row, time_ms in enumerate([0, 1, 2, 3 * DAY_MS, 400 * DAY_MS])]

    assert [step.measured for step in stream(events, 5)] == [False, False, False, True, True]


def test_five_earlier_positives_make_a_user_warm() -> None:
    events = [event("a", row, positive=row != 2) for row in range(8)]

    assert [step.cold_user for step in stream(events, 8)] == [True] * 6 + [False] * 2


def test_a_burst_is_an_event_right_after_one_of_the_same_user() -> None:
    events = [event("a", 0), event("a", 1), event("b", 2), event("a", 3)]

    assert [step.burst for step in stream(events, 4)] == [False, True, False, False]


def test_a_window_has_what_anybody_interacted_with_and_asks_for_nothing_else() -> None:
    """Given a window of two days, then an item whose last event is three days old is learned and not looked for."""
    events = [event("a", 0, 0), event("b", 0, DAY_MS), event("c", 0, 4 * DAY_MS), event("d", 0, 4 * DAY_MS)]

    steps = stream(events, 3, "window:2")

    assert [step.asked for step in steps] == [False, True, False, True]
    assert steps[3].candidates is not None
    assert steps[3].candidates.tolist() == [True, False, False]


def test_what_does_not_exist_yet_is_not_listed() -> None:
    """Given items that exist since days 0, 1 and 2, then on day 1 two may be listed, the user's own taken off."""
    steps = stream([event("a", 0, 0), event("a", 1, DAY_MS), event("b", 2, DAY_MS)], 3, "since:items")

    assert [step.asked for step in steps] == [True, True, False]
    assert steps[1].candidates is not None
    assert steps[1].candidates.tolist() == [False, True, False]


@pytest.mark.parametrize("rule", ["window:0", "window:-1", "window:", "window:1.5", "since", "since:events", ""])
def test_other_rules_are_refused(rule: str) -> None:
    with pytest.raises(Misconfigured, match="write all, since:items or window:DAYS"):
        CandidateFilter(rule, items(2, day=1))


def test_rules_that_need_times_are_refused_without() -> None:
    with pytest.raises(Misconfigured, match="the events have no `ts`"):
        CandidateFilter("window:3", items(2), timed=False)
    with pytest.raises(Misconfigured, match="the items have no `ts`"):
        CandidateFilter("since:items", items(2))


def test_penchant_lists_candidates_alone() -> None:
    """Given half of the items as candidates, then none of the others has points, nor is one helped to a place."""
    made = catalogue(40)
    penchant = Penchant(made, repeats=False)
    for each in pairs(20, 100):
        penchant.learn(Step(each, asked=True, idle=0.0))
    could = np.zeros(40, np.bool_)
    could[10:30] = True

    scores = penchant.score(Step(event("u49", 11), idle=0.0, candidates=could), 0.0)

    assert np.isfinite(scores[could]).any()
    assert np.isneginf(scores[~could]).all()


def test_histories_of_measured_cases_teach_the_frozen_copy_nothing() -> None:
    """Given a first test case whose history nobody knew, then the frozen copy counts only what came before."""
    cases = [Case(0, False, "a", [0, 1], 2), Case(1, True, "b", [4, 5], 6), Case(2, True, "c", [4], 5)]
    run = PrequentialRun(Penchant(catalogue(7), repeats=True), [])

    run.over(of_cases(cases), lambda: None)

    streaming, frozen = (tuned.method for tuned in run.methods)
    assert isinstance(streaming, Penchant)
    assert isinstance(frozen, Penchant)
    assert frozen._statistics.popularity.totals(7).tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert streaming._statistics.popularity.totals(7).tolist() == [1, 1, 1, 0, 2, 2, 1]
    assert [entry.item_id for entry in frozen.state("b").ring] == ["i4", "i5", "i6"]


class Watching:
    """Counts what it is asked and told; puts the newest row first."""

    name = "watching"
    settings = (0.0, 1.0)

    def __init__(self, n: int) -> None:
        self.n, self.scored, self.learned = n, 0, 0

    def score(self, step: Step, setting: float) -> Floats:
        self.scored += 1
        return np.arange(self.n, dtype=np.float32)

    def learn(self, step: Step) -> None:
        self.learned += 1


def test_a_large_set_is_thinned_where_it_is_scored_and_learned_whole() -> None:
    """Given 40 events of 40 users, when every third is measured and every fourth tuned on, then all are learned."""
    made, watching = catalogue(20), Watching(20)
    run = PrequentialRun(Penchant(made, repeats=False), [watching], Effort(measured=3, tuned=4))

    run.over(stream(pairs(20, 40), 20), lambda: None)

    assert len(run.steps) == len(run.lists["watching"].ranks) == 7, "of 20 measured"
    assert watching.scored == 7 + 2 * 5, "two settings for a quarter of the 20 before"
    assert watching.learned == 40
    assert all(step.candidates is None for step in run.steps), "as many as items, for each step"


def test_small_catalogues_are_measured_too() -> None:
    """Given three items and one user, when nothing is new to the user at the end, then what was asked is measured."""
    made = catalogue(3)
    run = PrequentialRun(Penchant(made, repeats=True), baselines(["", "", ""], made.vectors[:3]))
    events = [event("only", row % 3, row) for row in range(8)]

    run.over(stream(events, 3, repeats=True), lambda: None)
    figures = report(run.steps, run.lists, {tuned.name: tuned.us() for tuned in run.methods})

    assert figures["n"] == 4
    found = figures["methods"]
    assert isinstance(found, dict)
    assert set(found) == {"penchant", "penchant_frozen", *NAMES}
    assert all(each["coverage@10"] == 1.0 for each in found.values())
    assert all(each["hr@10"] == 1.0 for each in found.values()), "three items fit on a list of ten"


def test_the_last_item_knows_its_neighbours_with_and_without_item_knn() -> None:
    """Given both methods on shared counts, then a step that both are told of counts once."""
    shared = Together(3)
    alone, other = LastItem(shared), LastItem(shared)
    for step in (Step(event("a", 0)), Step(event("a", 1)), Step(event("b", 0))):
        alone.learn(step)
        other.learn(step)

    assert alone.score(Step(event("b", 1)), 0.0).tolist() == [0.0, 1.0, 0.0]


def test_baselines_are_chosen_by_name_and_ease_fits_small_sets_only() -> None:
    titles, vectors = ["x"] * 4_001, np.zeros((4_001, 2), np.float32)

    assert [method.name for method in baselines(["x"], vectors[:1], names=("vs_knn", "popular"))] == [
        "popular",
        "vs_knn",
    ]
    assert [method.name for method in baselines(titles, vectors)] == [n for n in NAMES if n != "ease_refitted"]
    assert "up to 4,000 items" in left_out(4_001)["ease_refitted"]
    assert not left_out(4_000)


def test_two_runs_give_the_same_figures() -> None:
    def measured() -> list[list[float]]:
        made = catalogue(20)
        titles = [item.title for item in made.items if item is not None]
        run = PrequentialRun(Penchant(made, repeats=False), baselines(titles, made.vectors[:20], ease_every=50))
        run.over(stream(pairs(20, 200), 20), lambda: None)
        return [lists.ranks for lists in run.lists.values()]

    first, second = measured(), measured()

    assert first == second
    assert summary(np.array(first[0]))["hr@10"] > 0.5


def test_tuning_looks_at_every_so_manyth() -> None:
    watching = Watching(5)
    tuned = TunedMethod(watching, every=10)
    for _ in range(25):
        tuned.before(Step(event("a", 0), asked=True))

    assert watching.scored == 4
