"""The benchmark's commands on sets that nobody tidied up, with the default model."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks.quality.__main__ import main
from tests.support.films import MODEL

pytestmark = pytest.mark.model

MODEL_FOLDER = str(MODEL.resolve())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of made-up sets are not kept beside those of real ones."""
    monkeypatch.chdir(tmp_path)


def write(name: str, rows: list[dict[str, Any]]) -> str:
    Path(name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return name


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--model", MODEL_FOLDER])


def figures(*arguments: str) -> Any:
    result = run(*arguments, "--json", "found.json")
    assert result.exit_code == 0, result.output
    return json.loads(Path("found.json").read_text(encoding="utf-8"))


def test_one_user_no_times_no_texts_and_items_that_are_not_listed() -> None:
    items = write("items.jsonl", [{"item": n} for n in range(12)] + [{"item": 3, "title": "Again"}])
    events = write("events.jsonl", [{"user": 1, "item": n, "label": n % 2} for n in range(16)])

    found = figures("stream", "--items", items, "--events", events, "--positive", "label=1")

    assert (found["n"], found["items"], found["unknown"], found["timed"]) == (3, 12, 4, False)
    assert set(found["slices"]) == {"unseen", "cold_user", "burst", "no_burst"}
    assert found["slices"]["burst"]["n"] == 3
    assert len(found["methods"]) == 12
    keys = {"hr@5", "hr@10", "ndcg@5", "ndcg@10", "mrr@10", "coverage@10", "novelty@10", "diversity@10", "gini@10"}
    assert all(keys <= set(each) for each in found["methods"].values())


def test_half_stars_iso_times_and_chosen_methods() -> None:
    titles = ("Alien", "Heat", "Amélie", "流浪地球")
    items = write("items.jsonl", [{"item": f"i{n}", "title": title} for n, title in enumerate(titles)])
    rows = [
        {
            "ts": f"2020-01-{day:02d}T10:00:00+01:00",
            "user": f"u{day % 3}",
            "item": f"i{day % 4}",
            "rating": day % 10 / 2,
        }
        for day in range(1, 25)
    ]
    events = write("events.jsonl", rows)

    found = figures(
        *("stream", "--items", items, "--events", events, "--positive", "rating>=3.5"),
        *("--methods", "popular,penchant", "--candidates", "window:9", "--repeats"),
    )

    assert list(found["methods"]) == ["penchant", "penchant_frozen", "popular"]
    assert found["rating_scale"] == [1.0, 5.0]
    assert found["n"] > 0


def test_cases_keep_the_contract_s_keys() -> None:
    items = write("items.jsonl", [{"item": str(n), "title": f"part {n}"} for n in range(30)])
    cases = [
        {
            "seq": n,
            "split": "valid" if n < 20 else "test",
            "user": f"u{n % 5}",
            "history": [str(n)],
            "target": str(n + 1),
        }
        for n in range(29)
    ]

    found = figures("cases", "--items", items, "--cases", write("cases.jsonl", cases), "--split", "test", "--only")

    assert found["n"] == 9
    assert list(found["methods"]) == ["penchant", "penchant_frozen"]
    assert sum(found["slices"][name]["n"] for name in ("burst", "no_burst")) == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--positive", "stars>=4"], "fits no event"),
        (["--positive", "rating>4"], "write FIELD>=NUMBER"),
        (["--candidates", "lately"], "write all, since:items or window:DAYS"),
        (["--candidates", "since:items"], "the items have no `ts`"),
        (["--positive", "rating=1"], "nothing was measured"),
        (["--methods", "svd"], "svd: choose among penchant"),
    ],
)
def test_what_cannot_be_measured_ends_with_a_sentence(arguments: list[str], message: str) -> None:
    items = write("items.jsonl", [{"item": "a", "title": "A"}, {"item": "b", "title": "B"}])
    events = write("events.jsonl", [{"ts": n, "user": "u", "item": "a", "rating": 1 + n} for n in range(4)])

    result = run("stream", "--items", items, "--events", events, "--only", *arguments)

    assert result.exit_code in {2, 78}
    assert message in " ".join(result.output.split())
    assert not isinstance(result.exception, AssertionError | KeyError | IndexError)
