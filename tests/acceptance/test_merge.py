"""Merging and then erasing on the running system, over two workers: one user, and then nobody."""

import json

import pytest

from penchant.partitioner import partition_of
from serving.model.artifact import open_artifact
from serving.state.user_state import UserState, decode
from tests.acceptance.test_erasure import everything, found, last_list, receipt_of
from tests.acceptance.test_events_to_lists import FILMS
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]


def guests_beside(user: str, partitions: int) -> list[str]:
    """An id on each partition that is not the user's: whatever two workers share them, some are another's."""
    names = {partition_of(name, partitions): name for name in (f"guest-{n}@example.org" for n in range(100))}
    return [name for number, name in sorted(names.items()) if number != partition_of(user, partitions)]


def found_any(users: list[str], where: object) -> list[bytes]:
    """The traces of any of some users."""
    return [trace for user in users for trace in found(user, where)]


def state_of(system: System, user: str) -> UserState:
    """What the store has of a user."""
    number = partition_of(user, system.partitions)
    record = everything(system)[f"{{{system.topics.prefix}:{number}}}:u:{user}".encode()]
    return decode(record, open_artifact(system.environment["PENCHANT_MODEL"]).fingerprint)


def test_users_become_one_and_are_erased_as_one(system: System) -> None:
    """Given guests and a user of two workers, when merged, then later events are one user's; erased, none is left."""
    ann = "ann-and-guests@example.org"  # the store has what other tests left, whose ann is another
    guests = guests_beside(ann, system.partitions)
    everybody = [ann, *guests]
    system.start_ready()
    system.publish(FILMS)
    system.start_ready()
    assert until(lambda: all(w.metric("penchant_user_partitions") == 2 for w in system.workers), 60)
    system.click(ann, "f0", "purchase", event_id="a1")
    for n, guest in enumerate(guests):
        system.click(guest, f"f{n + 1}", "purchase", event_id=f"g{n}")
        system.list_for(guest, f"g{n}")
    system.list_for(ann, "a1")

    for n, guest in enumerate(guests):
        merge = {"command_id": f"merge-{n}", "type": "merge", "user_id": ann, "anonymous_id": guest}
        system.send(system.topics.commands, merge)
    assert [receipt_of(system, f"merge-{n}")["status"] for n in range(len(guests))] == ["done"] * 3
    system.say(guests[0], "I love westerns", event_id="g9")
    made = system.list_for(ann, "g9")
    bought = {f"f{n}" for n in range(4)}
    assert bought.isdisjoint({item["item_id"] for item in made["items"]}), "bought by one of them"
    assert sorted(each.event_id for each in state_of(system, ann).ring) == ["a1", "g0", "g1", "g2", "g9"]
    assert until(lambda: not any(state_of(system, guest).known for guest in guests), 20), "what was held is dropped"

    system.send(system.topics.commands, {"command_id": "erase-ann", "type": "erase", "user_id": guests[1]})
    assert receipt_of(system, "erase-ann")["status"] == "done"
    # The whole store has what other tests left, too, and takes a while to search; test_erasure.py holds the figure.
    assert until(lambda: not found_any(everybody, everything(system)), 5.0)
    assert until(lambda: all(last_list(system, user).value is None for user in everybody), 5)
    last = {record.key: record.value for record in system.read(system.topics.recommendations)}
    receipts = [json.loads(record.value) for record in system.read(system.topics.receipts)]
    for user in everybody:
        assert last.pop(user.encode()) is None
        assert not found(user, receipts)
    assert not found_any(everybody, last)
