"""What a load takes: arithmetic that must not say that a system keeps up which does not."""

import json
from pathlib import Path

from click.testing import CliRunner

from benchmarks.capacity.worked_out import Costs, Load, costs_of, main, worked_out


def test_beyond_what_everybody_has_to_count_no_number_of_workers_will_do() -> None:
    costs = Costs()
    most = worked_out(Load(1e6, 1e4, 1.0), costs)["most_events_per_s_unsharded"]
    assert worked_out(Load(1e6, 1e4, 0.99 * most), costs)["workers_unsharded"] is not None
    beyond = worked_out(Load(1e6, 1e4, 1.01 * most), costs)
    assert beyond["workers_unsharded"] is None
    assert beyond["workers_sharded"] >= beyond["workers_sharded_with_candidates"] >= 1


def test_costs_of_a_run_are_taken_from_it(tmp_path: Path) -> None:
    run = {
        "penchant": {
            "cpu_us_per_event": {"worker": 700.0, "broker": 50.0},
            "us_per_event": {"statistics": 80.0, "blend": 20.0},
        }
    }
    assert costs_of(run) == Costs(worker=600.0, statistics=80.0, broker=50.0)
    (tmp_path / "run.json").write_text(json.dumps(run))
    options = ["--costs", str(tmp_path / "run.json"), "--events", "2000", "--json", str(tmp_path / "told.json")]
    assert CliRunner().invoke(main, options).exit_code == 0
    assert json.loads((tmp_path / "told.json").read_text())["costs"]["worker"] == 600.0
