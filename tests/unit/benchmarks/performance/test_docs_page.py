import json
from pathlib import Path

from benchmarks.performance.shown.docs_page import TABLES, filled

MACHINE = {"cpu": "A processor (avx2)", "cores": 2, "load": 0.1, "python_s": 0.04}
SIZE = {
    "update_us": 60.4,
    "rank_us": 150.0,
    "rank_alone_us": 1300.0,
    "recall10_vs_exact": 1.0,
    "bytes_per_item": 2600.0,
}
LATENCY = {
    "rate": 500.0, "event_to_list_ms": {"p50": 1, "p90": 2, "p99": 3, "max": 4}, "review_to_list_ms": None, "sent": 9,
    "received": 8, "moved": 0.5, "cpu_us_per_event": dict.fromkeys(("worker", "broker", "store", "generator"), 7),
}  # fmt: skip


def test_tables_are_written_between_their_marks_and_the_rest_stays(tmp_path: Path) -> None:
    for name, items in (("ranking", "10000"), ("latency", None)):
        figures = LATENCY if items is None else {"sizes": {items: SIZE}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"machine": MACHINE, **figures}))
    kept = "<!-- end -->\nb\n<!-- soak -->\nkept\n<!-- end -->\nc\n<!-- latency -->\n"
    page = f"a\n<!-- ranking -->\nold\n{kept}<!-- end -->\n"

    once = filled(page, tmp_path)

    assert "| 10,000 | 60 | 150 | 1,300 | 1.000 | 2,600 |" in once
    assert "| 500 | 1.0 | 2.0 | 3.0 | 4.0 | – | – | 9 | 8 | 50.0% | 7 | 7 | 7 | 7 |" in once
    assert "old" not in once
    assert (
        "Python 0.040 s.\n<!-- end -->\nb\n<!-- soak -->\nkept\n<!-- end -->\nc\n<!-- latency -->\n| events/s |" in once
    )
    assert filled(once, tmp_path) == once


def test_the_page_has_a_place_for_each_table() -> None:
    page = (Path(__file__).parents[4] / "docs" / "performance.md").read_text("utf-8")

    assert all(f"<!-- {name} -->\n" in page for name in TABLES)
    assert page.count("<!-- end -->") == len(TABLES)
