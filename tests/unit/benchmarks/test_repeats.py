"""In the made-up shop, played small: nothing durable is listed again, and what is used up is back in time."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.repeats.__main__ import main


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    file = tmp_path_factory.mktemp("repeats") / "figures.json"
    done = CliRunner().invoke(main, ["--users", "16", "--days", "160", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "PENCHANT_SEEN" in done.output
    figures: dict[str, dict[str, float]] = json.loads(file.read_text())["seen"]
    return figures


def test_a_consumable_is_back_about_its_usual_time(told: dict[str, dict[str, float]]) -> None:
    assert told["again"]["error"] <= 0.2
    assert min(told["out"]["error"], told["down"]["error"]) > 0.5


def test_no_durable_is_listed_again(told: dict[str, dict[str, float]]) -> None:
    assert told["again"]["durables_listed"] == 0
    assert told["again"]["like"] < told["out"]["like"] / 2


def test_more_is_found_than_by_either_of_the_other_settings(told: dict[str, dict[str, float]]) -> None:
    for other in ("out", "down"):
        for key in ("repeats_hr@10", "firsts_hr@10"):
            assert told["again"][key] > told[other][key], (other, key)
