"""What an experiment shows: intervals that hold, differences that are told, figures read from a worker's metrics."""

from pathlib import Path

import numpy as np
import pytest

from deploy.experiment.experiment_report import Tally, added, deviations, difference, variant_results, wilson
from deploy.experiment.metrics_scraper import scrape, tallies
from penchant.errors import Unavailable
from serving.experiment import parse
from tests.support.command import penchant
from tests.support.evaluated_workers import EvaluatedWorker
from tests.support.experiments import halves
from tests.support.pipeline import click

HALVES = halves("variety = 0.2")


def tally(trials: list[int], hits: list[int]) -> Tally:
    """Of some users, each with so many trials and hits."""
    n, h = np.array(trials, float), np.array(hits, float)
    return Tally(n.sum(), h.sum(), (n * n).sum(), (h * h).sum(), (n * h).sum())


def drawn(random: np.random.Generator, users: int, rate: float) -> Tally:
    """Users with 1 to 30 trials each and a rate of their own around the common one."""
    n = random.integers(1, 31, users)
    own = random.beta(rate * 5, (1 - rate) * 5, users)
    return tally(n.tolist(), random.binomial(n, own).tolist())


def test_wilson_by_hand() -> None:
    """Of 10 of 100: (.1 + 1.92/100 ± 1.96·sqrt(.09/100 + .0096/100)) / (1 + 3.84/100)."""
    assert wilson(0.1, 100, 1.96) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0.0, 50, 1.96)[0] == 0.0
    assert wilson(0.0, 0, 1.96) == (0.0, 1.0)


def test_one_trial_a_user_is_a_trial_and_users_who_always_do_the_same_are_one_trial_each() -> None:
    assert tally([1] * 40, [1] * 10 + [0] * 30).effective == pytest.approx(40)
    assert tally([5] * 40, [5] * 10 + [0] * 30).effective == pytest.approx(40)
    assert tally([5] * 40, [2] * 40).effective == 200, "never more than there are"


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Events of a user resemble each other: an interval that counted events would hold it in 70 % only."""
    random, z = np.random.default_rng(3), deviations(0.95)
    drawings = [drawn(random, 100, 0.2) for _ in range(600)]
    by_users = np.mean([low <= 0.2 <= high for low, high in (each.interval(z) for each in drawings)])
    by_events = np.mean([low <= 0.2 <= high for low, high in (wilson(each.rate, each.trials, z) for each in drawings)])
    assert 0.92 <= by_users <= 0.98
    assert by_events < 0.85


def test_equal_variants_are_told_apart_in_one_case_of_twenty() -> None:
    random, z = np.random.default_rng(4), deviations(0.95)
    found = [difference(drawn(random, 100, 0.2), drawn(random, 100, 0.2), z) for _ in range(600)]
    assert 0.02 <= np.mean([low > 0 or high < 0 for low, high in found]) <= 0.08


def test_a_verdict_against_the_first_variant() -> None:
    experiment = parse(HALVES)
    users, low, same = [1] * 500, tally([1] * 500, [1] * 50 + [0] * 450), tally([1] * 500, [1] * 60 + [0] * 440)
    high = tally(users, [1] * 150 + [0] * 350)
    assert [each.verdict for each in variant_results(experiment, {"a": low, "b": high})] == ["", "better"]
    assert [each.verdict for each in variant_results(experiment, {"a": high, "b": low})] == ["", "worse"]
    assert [each.verdict for each in variant_results(experiment, {"a": low, "b": same})] == ["", "no difference shown"]
    assert [each.verdict for each in variant_results(experiment, {})] == ["", "no difference shown"]


def test_more_variants_need_a_larger_difference_each() -> None:
    three = parse(HALVES.replace("0.5", "0.25") + '[[variant]]\nname = "c"\nshare = 0.5')
    one, other = tally([1] * 500, [1] * 50 + [0] * 450), tally([1] * 500, [1] * 72 + [0] * 428)
    of_two = variant_results(parse(HALVES), {"a": one, "b": other})[1].difference
    of_three = variant_results(three, {"a": one, "b": other, "c": one})[1].difference
    assert of_two is not None
    assert of_three is not None
    assert of_two[0] > 0 > of_three[0]


async def test_what_a_worker_counts_is_read_from_its_metrics() -> None:
    worker = EvaluatedWorker([f"i{n}" for n in range(20)], experiment="halves")
    worker.variant = "b"
    await worker.acquires(0)
    for offset, item in enumerate(("i25", "i1", "i2", "i29")):
        await worker.takes(click(offset, item))
    said = worker.metrics.exposition().decode()
    assert tallies(said, "halves") == {"b": Tally(3, 2, 9, 4, 6)}
    assert tallies(said, "another") == {}
    assert added([tallies(said, "halves"), {"a": Tally(1)}, tallies(said, "halves")]) == {
        "b": Tally(6, 4, 18, 8, 12), "a": Tally(1)
    }  # fmt: skip


def test_a_worker_that_is_not_there_is_named() -> None:
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:9/metrics does not answer"):
        scrape("http://127.0.0.1:9")


def test_the_command_checks_a_file_and_says_whose_variant_is_whose(tmp_path: Path) -> None:
    file = tmp_path / "e.toml"
    file.write_text(HALVES)
    told = penchant("experiment", str(file), "--json").json
    assert [each["variant"] for each in told["variants"]] == ["a", "b"]
    assert told["variants"][1]["settings"] == {"variety": 0.2}
    assert penchant("experiment", str(file), "--user", "user-0").out.strip() == "b"
    assert "variety = 0.2" in penchant("experiment", str(file)).out
    file.write_text(HALVES.replace("0.5", "0.6"))
    refused = penchant("experiment", str(file), "--json")
    assert (refused.exit_code, "the shares add up to 1.2" in refused.err) == (78, True)
