"""The evaluation itself: what is asked when, what may be known then, and what is made of ranks."""

import math

import numpy as np
import pytest

from benchmarks.baselines.all import baselines
from benchmarks.baselines.content import ContentMean
from benchmarks.baselines.knn import ItemKnn, LastItem, Together
from benchmarks.baselines.popular import Popular
from benchmarks.quality.lag import JOINED, lags, pairs_of
from benchmarks.quality.methods import Method, TunedMethod
from benchmarks.quality.report import report
from benchmarks.quality.run import PrequentialRun
from evaluation.measures import bootstrap_interval, summary
from evaluation.prequential.data_sets import NO_TIME_MS, Case, DatasetItem
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.positives import positive_by
from evaluation.prequential.protocol import CandidateFilter, of_cases, of_events
from evaluation.prequential.steps import Step, rank_of
from penchant.errors import Misconfigured
from serving.arrays import Floats
from serving.catalogue import Catalogue
from tests.support.tiny import DAY_MS, catalogue, event, pairs


def test_cases_learn_what_is_new_of_a_window_then_ask() -> None:
    """Given a history that slid on by one, then only what follows the overlap is learned, once."""
    steps = list(
        of_cases(
            [
                Case(0, False, "a", [1, 2], 3),
                Case(1, False, "b", [9], 3),
                Case(2, True, "a", [2, 3, 7], 8),
                Case(3, True, "a", [3, 7, 8], 9),
            ]
        )
    )

    assert [(s.event.user, s.event.row) for s in steps if not s.asked] == [("a", 1), ("a", 2), ("b", 9), ("a", 7)]
    asked = [s for s in steps if s.asked]
    assert [s.event.row for s in asked] == [3, 3, 8, 9]
    assert [s.unseen for s in asked] == [True, False, True, False]
    assert [s.burst for s in asked] == [False, False, False, True]
    assert [s.idle for s in asked] == [math.inf, math.inf, 1, 0]
    assert [s.measured for s in asked] == [False, False, True, True]


def test_a_stream_asks_for_positives_on_what_is_new_to_the_user_and_measures_the_last_half() -> None:
    events = [
        event("a", 1, 1),
        event("a", 2, 2, positive=False),
        event("b", 1, 3),
        event("a", 1, 4),
        event("a", 3, 5),
    ]
    items = [DatasetItem(str(row), "", "", {}, NO_TIME_MS) for row in range(4)]

    steps = list(of_events(events, CandidateFilter("all", items), repeats=False))
    again = list(of_events(events, CandidateFilter("all", items), repeats=True))

    assert [s.asked for s in steps] == [True, False, True, False, True]
    assert [s.asked for s in again] == [True, False, True, True, True]
    assert [s.measured for s in steps] == [False, False, False, True, True]
    assert [s.candidates is not None for s in steps] == [True, False, True, False, True]
    assert steps[4].candidates is not None
    assert steps[4].candidates.tolist() == [True, False, False, True]
    assert [s.idle for s in steps] == [math.inf, 0, math.inf, 1, 0]


def test_candidates_are_what_exists_or_what_had_interactions_lately() -> None:
    items = [DatasetItem(str(row), "", "", {}, row * DAY_MS) for row in range(3)]
    since, window = CandidateFilter("since:items", items), CandidateFilter("window:1", items)
    window.add(event("a", 0, 5 * DAY_MS))

    assert since.at(DAY_MS).tolist() == [True, True, False]
    assert window.at(6 * DAY_MS).tolist() == [True, False, False]
    assert not window.at(6 * DAY_MS + 1).any()
    with pytest.raises(Misconfigured, match="write all, since:items or window:DAYS"):
        CandidateFilter("window:soon", items)


@pytest.mark.parametrize(
    ("rule", "row", "wanted"),
    [
        (None, {}, True),
        ("rating>=4", {"rating": 4.0}, True),
        ("rating>=4", {"rating": 3.5}, False),
        ("rating>=4", {}, False),
        ("label=fresh", {"label": "fresh"}, True),
        ("type=answer,favorite", {"type": "favorite"}, True),
        ("type=answer,favorite", {"type": "comment"}, False),
    ],
)
def test_what_is_positive(rule: str | None, row: dict[str, object], wanted: bool) -> None:
    assert positive_by(rule)(row) is wanted


def test_a_rule_that_is_none_is_refused() -> None:
    with pytest.raises(Misconfigured, match="write FIELD>=NUMBER or FIELD=VALUE"):
        positive_by("rating")


def test_equal_scores_rank_in_the_middle() -> None:
    scores = np.array([3.0, 1.0, 1.0, 1.0, 0.0], np.float32)
    only = np.array([False, True, True, False, True])

    assert rank_of(scores, Step(event("a", 1))) == 2.0
    assert rank_of(scores, Step(event("a", 0))) == 0.0
    assert rank_of(scores, Step(event("a", 2), candidates=only)) == 0.5


def test_measures_of_a_few_ranks() -> None:
    """Given ranks 0, 4, 9.5 and 50, then two are among the first five, and three among the first ten."""
    measured = summary(np.array([0.0, 4.0, 9.5, 50.0]))

    assert measured["hr@5"] == 0.5
    assert measured["hr@10"] == 0.75
    assert measured["ndcg@10"] == pytest.approx((1 + 1 / math.log2(6) + 1 / math.log2(11.5)) / 4)
    assert measured["mrr@10"] == pytest.approx((1 + 1 / 5 + 1 / 10.5) / 4)
    assert set(summary(np.empty(0)).values()) == {0.0}


def test_an_interval_holds_its_mean_and_narrows() -> None:
    values = np.tile([0.0, 1.0], 50)

    low, high = bootstrap_interval(values)
    lower, higher = bootstrap_interval(np.tile(values, 20))

    assert low < 0.5 < high
    assert high - low > 3 * (higher - lower)


def all_baselines(made: Catalogue) -> list[Method]:
    titles = [item.title for item in made.items if item is not None]
    return baselines(titles, made.vectors[: len(made)], ease_every=250)


def test_methods_find_what_goes_together_and_popularity_cannot() -> None:
    """Given pairs of items, 10 of them, then all that look at the last item find its partner first."""
    made, n = catalogue(20), 20
    run = PrequentialRun(Penchant(made, repeats=False), all_baselines(made))
    items = [DatasetItem(f"i{row}", "", "", {}, NO_TIME_MS) for row in range(n)]

    run.over(of_events(pairs(n, 800), CandidateFilter("all", items), repeats=False), lambda: None)

    second = np.array([step.event.row % 2 == 1 for step in run.steps])
    found = {name: summary(np.array(ranks.ranks)[second])["hr@5"] for name, ranks in run.lists.items()}
    finders = ("penchant", "penchant_frozen", "last_item_cooccurrence", "item_knn", "vs_knn", "title_tfidf")
    assert min(found[name] for name in finders) > 0.95, found
    assert found["ease_refitted"] > 0.95
    assert max(found[name] for name in ("popular", "popular_decayed", "content_float32")) < 0.6, found


def test_the_report_has_methods_slices_and_intervals() -> None:
    made = catalogue(20)
    run = PrequentialRun(Penchant(made, repeats=False), [Popular(20)])
    items = [DatasetItem(f"i{row}", "", "", {}, NO_TIME_MS) for row in range(20)]
    run.over(of_events(pairs(20, 200), CandidateFilter("all", items), repeats=False), lambda: None)

    figures = report(run.steps, run.lists, {tuned.name: tuned.us() for tuned in run.methods})

    assert figures["n"] == 100
    methods, slices = figures["methods"], figures["slices"]
    assert isinstance(methods, dict)
    assert isinstance(slices, dict)
    assert {"hr@5", "hr@10", "ndcg@5", "ndcg@10", "mrr@10", "coverage@10"} <= set(methods["penchant_frozen"])
    assert slices["burst"]["n"] + slices["no_burst"]["n"] == 100
    low, high = methods["penchant"]["hr@10_interval"]
    assert low <= methods["penchant"]["hr@10"] <= high


def test_the_frozen_copy_follows_users_and_learns_nothing_of_items() -> None:
    made = catalogue(20)
    penchant = Penchant(made, repeats=True)
    for each in pairs(20, 400):
        penchant.learn(Step(each, asked=True, idle=0.0))
    frozen = penchant.frozen()
    before = frozen.ranker.blend.pack()

    for each in (event("new", 4), event("new", 5)):
        frozen.learn(Step(each, asked=True))
        penchant.learn(Step(each, asked=True))

    assert [entry.item_id for entry in frozen.state("new").ring] == ["i4", "i5"]
    assert frozen.ranker.blend.pack() == before
    assert penchant.ranker.blend.pack() != before


def test_the_lag_is_the_events_until_half_of_the_list_is_from_the_new_interest() -> None:
    """Given items of two genres on two axes, when horror follows comedy, then the decayed mean follows after a few."""
    genres = [frozenset({"comedy"}) if row < 30 else frozenset({"horror"}) for row in range(60)]
    vectors = np.zeros((60, 2), np.float32)
    vectors[:30, 0] = vectors[30:, 1] = 1.0
    users = [event("a", row) for row in range(20)] + [event("b", 30 + row) for row in range(20)]

    (pair,) = pairs_of(users, genres, 1, seed=0)

    assert pair[2] in {"comedy", "horror"}
    mean = ContentMean(vectors)
    assert lags([mean], "joined", pair, genres) == [4], "1 - .8^n exceeds .8^n from n = 4 on"
    popular = Popular(60)
    for row in (*range(20, 30), *range(50, 60)):
        if pair[2] not in genres[row]:
            popular.learn(Step(event("others", row)))
            popular.learn(Step(event("others", row)))
    assert lags([popular], "joined", pair, genres) == [JOINED + 1]


def test_a_pair_is_joined_in_time_and_no_event_is_in_two() -> None:
    """Given users of one genre each, those of the other earlier, then what follows comes later all the same."""
    genres = [frozenset({"comedy"}) if row < 30 else frozenset({"horror"}) for row in range(60)]
    users = [event("one", row % 30, 1000 + row) for row in range(70)]
    users += [event(f"h{n}", 30 + row, row) for n in range(2) for row in range(20)]

    pairs = pairs_of(users, genres, 10, seed=0)

    assert len(pairs) == 2
    parts = [each for first, second, _ in pairs for each in (first, second)]
    assert {(part[0].user, part[0].row, len(part)) for part in parts} >= {("h0", 30, 20), ("h1", 30, 20)}
    assert len({(part[0].user, part[0].row) for part in parts}) == 4
    for first, second, _ in pairs:
        times = [each.time_ms for each in (*first, *second)]
        assert times == sorted(times)
        assert [each.time_ms - second[0].time_ms for each in second] == list(range(20))


def test_methods_that_share_what_they_learn_are_asked_about_the_same_events() -> None:
    """Given films of two kinds with the same users, then the last film alone changes the list."""
    genres = [frozenset({"comedy"}) if row < 30 else frozenset({"horror"}) for row in range(60)]
    together = Together(60)
    last, knn = LastItem(together), ItemKnn(together)
    for kind in range(2):
        for user in range(5):
            for row in range(15, 30):
                knn.learn(Step(event(f"{kind}-{user}", 30 * kind + row)))
    comedies, horrors = ([event("a", 30 * kind + row) for row in range(20)] for kind in range(2))

    assert lags([last, knn], "joined", (comedies, horrors, "horror"), genres)[0] == 16, "the first with others' events"


class Fixed:
    """Puts the item that is asked for on the rank that the setting says."""

    name = "fixed"
    settings = (5.0, 1.0, 3.0)

    def score(self, step: Step, setting: float) -> Floats:
        scores = np.arange(10, 0, -1, dtype=np.float32)
        scores[step.event.row] = 10.5 - setting
        return scores

    def learn(self, step: Step) -> None:
        """Nothing to learn."""


def test_a_setting_is_chosen_before_the_measured_part() -> None:
    tuned = TunedMethod(Fixed())
    for _ in range(20):
        tuned.before(Step(event("a", 9), asked=True))

    assert tuned.setting == 1.0
    assert rank_of(tuned.score(Step(event("a", 9))), Step(event("a", 9))) == 1.0
