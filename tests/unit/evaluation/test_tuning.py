"""Tuning: what is tried, what the trials may know, and when something is called better."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.measures import bootstrap_interval
from evaluation.prequential.data_sets import NO_TIME_MS, DatasetEvent, DatasetItem
from evaluation.tuning.comparison import BETTER, NO_BETTER, Accuracy, compare
from evaluation.tuning.grid import GRID, HALF_LIFE, Choice, search, trials
from evaluation.tuning.play import Ranks, TuningLog, play
from evaluation.tuning.tune import Trial, Tuned, tune
from evaluation.tuning.tuned_settings import experiment_of, print_tuned
from penchant.errors import Misconfigured
from serving.catalogue import Catalogue
from serving.experiment import parse, tunable
from serving.ranking.rank_settings import RankSettings
from stream.events.weights import Weight
from tests.support.command import penchant
from tests.support.evaluated_workers import catalogue_of

ITEMS = 40
FEW = {"ring_decay": (0.5,), HALF_LIFE: (1.0,)}
HOUR_MS = 3_600_000
WEIGHT = Weight(1.0, 1.0)


def log(count: int, *, seed: int = 1, most: int = 1000) -> tuple[TuningLog, Catalogue]:
    """Twenty users who take items at random, an hour apart."""
    random = np.random.default_rng(seed)
    items = [DatasetItem(f"i{row}", "", "", {}, NO_TIME_MS) for row in range(ITEMS)]
    events = [
        DatasetEvent(f"u{random.integers(20)}", int(random.integers(ITEMS)), place * HOUR_MS, WEIGHT, positive=True)
        for place in range(count)
    ]
    return TuningLog(items, events, repeats=True, most=most), catalogue_of([item.item_id for item in items])


def test_every_choice_of_the_grid_is_one_that_a_worker_can_be_given() -> None:
    assert set(GRID) - {HALF_LIFE} <= tunable()
    assert all(getattr(RankSettings(), name) not in values for name, values in GRID.items() if name != HALF_LIFE)
    choice = Choice({"long": 0.3, HALF_LIFE: 7.0})
    assert (choice.settings, choice.half_life_ms) == (RankSettings(long=0.3), 7 * 24 * HOUR_MS)


def test_the_search_asks_once_for_each_value_and_keeps_the_best_of_each_setting() -> None:
    asked: list[Choice] = []

    def objective(choice: Choice) -> float:
        asked.append(choice)
        return -abs(choice.changed.get("ring_decay", 0.8) - 0.7) - abs(choice.changed.get("long", 0.1) - 0.1)

    assert search(objective).changed == {"ring_decay": 0.7}
    assert len(asked) == trials()
    assert len({json.dumps(choice.changed) for choice in asked}) == trials()


def test_a_play_looks_for_the_events_of_its_part_only_and_learns_all() -> None:
    """Given a part and a bound, evenly spread events of the part are looked for, whatever comes after it."""
    given, catalogue = log(400)
    ticks: list[None] = []
    part = play(given, catalogue, Choice(), given.choosing, lambda: ticks.append(None))
    assert len(part.ranks) == 200
    assert part.users == [event.user for event in given.events[100:300]]
    assert len(ticks) == 300, "what is held out is not even learned"
    every, _ = log(400, most=60)
    some = play(every, catalogue, Choice(), every.choosing, lambda: None)
    assert some.ranks.tolist() == part.ranks[::4].tolist()


def test_trials_know_nothing_of_what_is_held_back() -> None:
    given, catalogue = log(820)
    other = TuningLog(given.items, [*given.events[:615], *given.events[:614:-1]], repeats=True, most=1000)
    one, two = (tune(each, catalogue, lambda: None, FEW) for each in (given, other))
    assert one.trials == two.trials
    assert one.judged != two.judged


def test_random_preferences_are_no_reason_to_leave_the_default() -> None:
    given, catalogue = log(820)
    tuned = tune(given, catalogue, lambda: None, FEW)
    assert [trial.changed for trial in tuned.trials][:2] == [{}, {"ring_decay": 0.5}]
    assert tuned.verdict == NO_BETTER


def ranks(hits: list[bool], users: int) -> Ranks:
    return Ranks(np.where(hits, 0.0, 99.0), [f"u{place % users}" for place in range(len(hits))])


def test_better_is_what_is_better_for_users_beyond_chance() -> None:
    """Given 400 events: 40 users gain one hit each; or one user gains 40."""
    default = ranks([False] * 400, 40)
    many = compare(default, ranks([place < 40 for place in range(400)], 40))
    one = compare(default, ranks([place % 40 == 0 for place in range(400)], 40))
    assert (many.verdict, one.verdict) == (BETTER, NO_BETTER)
    assert many.tuned.hr - many.default.hr == pytest.approx(0.1)
    assert (many.events, many.users) == (400, 40)


def test_the_interval_of_alike_users_is_a_point_and_that_of_nothing_is_zero() -> None:
    assert bootstrap_interval(np.tile([0.0, 1.0], 30), [f"u{place // 2}" for place in range(60)]) == (0.5, 0.5)
    assert bootstrap_interval(np.zeros(0), []) == (0.0, 0.0)


def test_what_is_printed_says_what_was_chosen_and_whether_it_is_better(capsys: pytest.CaptureFixture[str]) -> None:
    better, worse = ranks([place < 40 for place in range(400)], 40), ranks([False] * 400, 40)
    tried = [Trial({}, Accuracy(0.1, 0.05)), Trial({"long": 0.3, HALF_LIFE: 7.0}, Accuracy(0.2, 0.06))]
    for judged, says in ((compare(worse, better), BETTER), (compare(better, worse), NO_BETTER)):
        print_tuned(Tuned(1600, ITEMS, tried, {"long": 0.3, HALF_LIFE: 7.0}, judged, judged.verdict))
        told = capsys.readouterr().out
        assert f"long = 0.3, half_life_days = 7: {says}" in told
        assert ("PENCHANT_HALF_LIFE_DAYS=7" in told) == (says == BETTER)
        assert "400 events of 40 users" in told
    print_tuned(Tuned(1600, ITEMS, tried[:1], {}, compare(worse, worse), NO_BETTER))
    assert "nothing tried was better: default" in capsys.readouterr().out


def test_what_is_written_is_an_experiment_that_a_worker_reads() -> None:
    text = experiment_of({"ring_decay": 0.7, HALF_LIFE: 7.0})
    default, tuned = parse(text).variant
    assert (default.settings, tuned.settings) == ({}, {"ring_decay": 0.7})
    assert "PENCHANT_HALF_LIFE_DAYS=7" in text
    assert experiment_of({HALF_LIFE: 7.0}) == ""


def test_a_short_log_is_refused() -> None:
    given, catalogue = log(300)
    with pytest.raises(Misconfigured, match="150 positive events are to choose on, 200 are the least"):
        tune(given, catalogue, lambda: None)


def test_the_command_refuses_a_short_log_before_anything_is_encoded(tmp_path: Path) -> None:
    items, events = tmp_path / "items.jsonl.gz", tmp_path / "events.jsonl.gz"
    items.write_bytes(gzip.compress(b'{"item": "i1", "title": "Alien"}\n'))
    events.write_bytes(gzip.compress(b'{"ts": 1, "user": "u", "item": "i1"}\n' * 10))
    told = penchant("tune", "--items", str(items), "--events", str(events), "--model", str(tmp_path))
    assert told.exit_code == 78
    assert "give a longer log" in told.err
