"""Events that come before their items, and a catalogue that begins with one."""

import pytest

from tests.acceptance.test_events_to_lists import FILMS
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
K = 20


def test_a_list_grows_with_the_catalogue_without_another_event(system: System) -> None:
    """Given a click on an unknown item, when that item comes alone and then 30 more, then the user's list has them."""
    worker = system.start_ready()
    first, more = FILMS[0], [{**FILMS[n % len(FILMS)], "item_id": f"more-{n}"} for n in range(30)]
    system.click("u1", "f0", event_id="only")
    waiting = system.list_for("u1", "only")
    assert waiting["folded"][0]["waiting"]

    system.publish([first])
    folded = system.read_list_for("u1", "only")
    assert (folded["path"], [each["item_id"] for each in folded["items"]]) == ("trending", [first["item_id"]])
    system.publish(more)

    assert until(lambda: len(system.lists("u1")[-1]["items"]) == K, 30), worker.child.last_lines()
    last = system.lists("u1")[-1]
    assert last["path"] == "live"
    assert first["item_id"] not in {each["item_id"] for each in last["items"]}, "what was seen is out"
    assert {each["event_id"] for each in last["folded"]} == {"only"}
    assert last["cause"] == folded["cause"]
    versions = [made["version"] for made in system.lists("u1")]
    assert versions == sorted(set(versions))
