"""A worker whose clock is far from Redis's: refused at its start, and harmless if it goes wrong later."""

from pathlib import Path

import pytest

from tests.acceptance.test_events_to_lists import FILMS
from tests.support.system import System
from tests.support.waiting import never, until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
ODD = "tests.support.misbehaving_worker"
DAY_AHEAD = str(25 * 3_600_000)
ITEM = {"item_id": "late", "title": "The Late Film", "facets": {"genre": ["War"]}}


@pytest.mark.parametrize("ahead_ms", [DAY_AHEAD, f"-{DAY_AHEAD}", "360000"])
def test_it_is_refused_at_its_start(system: System, tmp_path: Path, ahead_ms: str) -> None:
    clock = tmp_path / "clock"
    clock.write_text(ahead_ms, "ascii")
    worker = system.start(ODD, ODD_CLOCK=str(clock))
    assert until(lambda: worker.child.exit_code is not None, 60)
    assert worker.child.exit_code == 78, worker.child.last_lines()
    said = worker.child.last_lines(2)
    assert "this machine's clock says" in said
    assert "apart: set the wrong one" in said
    assert "Traceback" not in said


def test_what_waits_is_not_given_up_by_a_clock_that_went_wrong(system: System, tmp_path: Path) -> None:
    """Given a click on an item that is not known yet, when the worker's clock steps by 25 hours, then the click waits
    on, and is folded when the item comes.
    """
    clock = tmp_path / "clock"
    worker = system.start(ODD, ODD_CLOCK=str(clock))
    assert until(worker.ready, 60), worker.child.last_lines()
    system.publish(FILMS)
    system.click("u1", "late", event_id="e1")
    assert system.list_for("u1", "e1")["folded"][0]["waiting"]

    clock.write_text(DAY_AHEAD, "ascii")

    assert until(lambda: worker.metric("penchant_clock_skew_seconds") > 80_000)
    assert never(lambda: bool(system.read(f"{system.topics.clicks}.dlq")), 4), "it was given up"
    clock.unlink()
    assert until(lambda: abs(worker.metric("penchant_clock_skew_seconds")) < 60)
    system.publish([ITEM])
    assert system.read_list_for("u1", "e1")["path"] == "live"
    assert system.read(f"{system.topics.clicks}.dlq") == []
