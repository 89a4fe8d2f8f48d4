"""A redrive while two workers run: each event counts once, and nobody who was erased comes back."""

import pytest

from penchant.topics import Topic
from stream.events.records import ORIGIN
from tests.acceptance.test_dlq import dlq, home, seen
from tests.acceptance.test_erasure import everything, found, last_list, receipt_of
from tests.acceptance.test_events_to_lists import FILMS
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
USERS = [f"user-{n}" for n in range(8)]
ERASED = "ann@redriven.example"
REDRIVE = ("redrive", "--reason", "wrong_partition", "--json")


def astray(system: System, user: str, **fields: str) -> None:
    """An event that was forwarded once and lies wrong all the same: a dead letter, until it is sent home."""
    partition = (home(system, user) + 1) % system.partitions
    click = {"user_id": user, "item_id": "f6", "type": "click", **fields}
    origin = [(ORIGIN, f"elsewhere-0-{user}".encode())]
    system.send(system.topics.clicks, click, partition=partition, headers=origin).get(timeout=60)


def ignored(system: System) -> float:
    return sum(worker.metric("penchant_ignored_events_total") for worker in system.workers)


def test_what_is_sent_back_under_two_workers_counts_once_and_brings_nobody_back(system: System) -> None:
    """Given dead letters of many users and an erased one, when sent back twice, then they count once, or not at all."""
    workers = [system.start_ready() for _ in range(2)]
    assert until(lambda: [worker.metric("penchant_user_partitions") for worker in workers] == [2, 2], 30)
    system.publish(FILMS)
    for user in USERS[1:]:
        astray(system, user, event_id=f"lost-{user}")
    astray(system, USERS[0])  # without an id of its own: its origin names it
    astray(system, ERASED, event_id="lost-ann")
    system.click(ERASED, "f1", event_id="ann-1")
    system.list_for(ERASED, "ann-1")
    dead_letters = system.dead(system.topics.clicks, len(USERS) + 1)
    assert {dead_letter.key.decode() for dead_letter in dead_letters} == {*USERS, ERASED}
    assert {home(system, user) for user in USERS} == set(range(system.partitions)), "both workers have some of them"
    assert found(ERASED, everything(system)), "the search finds what is there"

    system.send(system.topics.commands, {"command_id": "erase-ann", "type": "erase", "user_id": ERASED})
    assert receipt_of(system, "erase-ann")["removed"]["events"] == 1
    assert until(lambda: last_list(system, ERASED).value is None)

    done = dlq(system, *REDRIVE)
    assert (done.exit_code, done.json["total"], done.json["left"]) == (0, len(USERS) + 1, 0)
    ids = {user: f"lost-{user}" for user in USERS} | {USERS[0]: f"elsewhere-0-{USERS[0]}"}
    for user, event_id in ids.items():
        system.list_for(user, event_id)
    assert until(lambda: ignored(system) == 1)
    assert dlq(system, *REDRIVE).json["total"] == 0, "each dead letter is sent back once"

    assert dlq(system, *REDRIVE, "--again").json["total"] == len(USERS) + 1
    assert until(lambda: ignored(system) == 2)
    for user, event_id in ids.items():
        system.click(user, "f8", event_id=f"last-{user}")
        last = system.list_for(user, f"last-{user}")
        told = {folded["event_id"]: folded.get("duplicate", False) for folded in last["folded"]}
        assert told == {event_id: True, f"last-{user}": False}
    assert until(lambda: {user: seen(system, user) for user in USERS} == dict.fromkeys(USERS, 2))

    assert not found(ERASED, everything(system))
    lists = {record.key: record.value for record in system.read(system.topics.recommendations)}
    assert lists.pop(ERASED.encode()) is None
    assert not found(ERASED, lists)
    assert len(system.read(system.topics.dlq(Topic.CLICKS))) == len(USERS) + 1, "nothing came back to the dead letters"
