"""Retracting and erasing on the running system: nothing is left, within a second, and nothing old comes back."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from serving.state.user_state import id_hash, item_hash
from tests.acceptance.test_events_to_lists import FILMS
from tests.conftest import Broker
from tests.support.command import penchant
from tests.support.system import READY_S, Message, System, now_ms, running
from tests.support.waiting import Stopwatch, until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
ANN = "ann@example.org"


@pytest.fixture(scope="module")
def system(shared_small: System) -> System:
    """The shared system with the small catalogue."""
    shared_small.publish(FILMS)
    return shared_small


@pytest.fixture
def own_system(broker: Broker, redis_url: str, prefix: str, tmp_path: Path, small_model: Path) -> Iterator[System]:
    """Topics and workers of one test."""
    with running(broker, redis_url, prefix, tmp_path) as made:
        made.environment["PENCHANT_MODEL"] = str(small_model)
        yield made


def everything(system: System) -> dict[bytes, Any]:
    """All keys of the whole store with all that stands under them."""
    read: dict[bytes, Callable[[Any, bytes], Any]] = {
        b"string": lambda client, key: client.get(key),
        b"hash": lambda client, key: client.hgetall(key),
        b"set": lambda client, key: client.smembers(key),
        b"zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
        b"none": lambda _client, _key: None,  # gone since it was listed
    }
    with redis.Redis.from_url(system.redis_url) as client:
        return {key: read[client.type(key)](client, key) for key in client.scan_iter(count=1000)}


def traces(user: str) -> list[bytes]:
    """What would show that a user is known: the id, and every hash of it that needs no key."""
    raw = user.encode()
    digests = [hashlib.new(name, raw).digest() for name in ("sha256", "sha1", "md5", "blake2b", "blake2s")]
    digests += [hashlib.blake2b(raw, digest_size=size).digest() for size in (16, 32)]
    digests += [item_hash(user).to_bytes(4, order) for order in ("little", "big")]
    digests += [id_hash(user).to_bytes(6, order) for order in ("little", "big")]
    return [raw, *digests, *(digest.hex().encode() for digest in digests)]


def found(user: str, where: object) -> list[bytes]:
    """The traces of a user in the text of anything; of bytes as Python writes them, and as they are."""
    text = repr(where).encode()
    return [trace for trace in traces(user) if trace in text or repr(trace)[2:-1].encode() in text]


def receipt_of(system: System, command_id: str) -> Message:
    """The receipt of a command; waits for it."""
    return system.receipt_of(command_id)


def last_list(system: System, user: str) -> Any:
    """The last record under a user's key on the lists' topic."""
    records = [r for r in system.read(system.topics.recommendations) if r.key == user.encode()]
    return records[-1] if records else None


def test_nothing_of_an_erased_user_is_left_within_a_second(system: System) -> None:
    """Given a user with a state, a list, texts and waiting things, when erased, then no key, value or list tells."""
    system.click(ANN, "f0", event_id="c1")
    system.click(ANN, "not-there-yet", event_id="c2")
    system.say(ANN, "I love westerns", event_id="s1")
    system.click("ben", "f1", event_id="b1")
    early = {"command_id": "early", "type": "retract", "user_id": ANN, "event_id": "never-came"}
    system.send(system.topics.commands, early)
    for event_id in ("c1", "c2", "s1", "early"):
        system.list_for(ANN, event_id)
    system.list_for("ben", "b1")
    before = everything(system)
    assert ANN.encode() in found(ANN, before), "the search finds what is there"
    assert found("ben", before)

    watch = Stopwatch()
    system.send(system.topics.commands, {"command_id": "erase-ann", "type": "erase", "user_id": ANN})
    system.producer.flush()
    receipt = receipt_of(system, "erase-ann")
    assert until(lambda: not found(ANN, everything(system)), 5)
    assert until(lambda: last_list(system, ANN).value is None, 5)
    assert watch.usual_s() < 1.0

    assert receipt["status"] == "done"
    assert receipt["removed"] == {"events": 2, "items": 1, "texts": 1, "waiting": 2, "lists": 1, "aliases": 0}
    assert not found(ANN, receipt)
    lists = {r.key: r.value for r in system.read(system.topics.recommendations)}
    assert lists.pop(ANN.encode()) is None
    assert not found(ANN, lists)
    ours = f"{{{system.topics.prefix}:".encode()  # the store is all tests' own
    digests = [value for key, value in everything(system).items() if key.startswith(ours) and key.endswith(b":erased")]
    assert [len(members) for members in digests] == [1]
    assert found("ben", everything(system)), "nobody else was affected"

    # What is older than the command does not bring the user back; another user's event shows that it was taken in.
    ignored = system.workers[0].metric("penchant_ignored_events_total")
    for n in range(3):
        system.click(ANN, f"f{n}", event_id=f"old-{n}")  # keyed alike, so on the same partition
    old = {"user_id": ANN, "item_id": "f3", "type": "like", "event_id": "replayed"}
    system.send(system.topics.clicks, old, timestamp_ms=now_ms() - 60_000)
    made = system.list_for(ANN, "old-2")
    assert until(lambda: system.workers[0].metric("penchant_ignored_events_total") == ignored + 1)
    assert {folded["event_id"] for folded in made["folded"]} <= {"old-0", "old-1", "old-2"}
    assert made["path"] == "live"
    assert "replayed" not in system.named()
    reasons = {r["event_id"] for item in made["items"] for r in item["reasons"]}
    assert reasons.isdisjoint({"c1", "s1"}), "a fresh state"


def test_a_replayed_event_alone_brings_nobody_back(system: System) -> None:
    """Given an erased user, when only older events come, then there is no state and no list."""
    system.click("cid", "f0", event_id="cid-1")
    system.list_for("cid", "cid-1")
    system.send(system.topics.commands, {"command_id": "erase-cid", "type": "erase", "user_id": "cid"})
    receipt_of(system, "erase-cid")
    ignored = system.workers[0].metric("penchant_ignored_events_total")
    old = {"user_id": "cid", "item_id": "f3", "type": "like", "event_id": "cid-2"}
    system.send(system.topics.clicks, old, timestamp_ms=now_ms() - 60_000)
    assert until(lambda: system.workers[0].metric("penchant_ignored_events_total") == ignored + 1)
    assert last_list(system, "cid").value is None
    assert not [key for key in everything(system) if b":u:cid" in key]


def test_the_command_line_erases_and_says_what_was_removed(system: System) -> None:
    """Given a user, when `penchant erase` ends, then the user is gone; a second time there is nothing to remove."""
    system.click("dan", "f0", event_id="d1")
    system.list_for("dan", "d1")
    at = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    first = penchant("erase", "dan", "--json", *at)
    assert first.exit_code == 0, first.err
    told = json.loads(first.out)
    assert (told["status"], told["removed"]["events"], told["removed"]["lists"]) == ("done", 1, 1)
    assert not [key for key in everything(system) if b":u:dan" in key]
    second = penchant("erase", "dan", *at)
    assert (second.exit_code, second.out) == (0, "erased 'dan': nothing was kept\n")


def test_a_retracted_click_is_gone_from_the_list(system: System) -> None:
    """Given two clicks, when one is retracted, then its film is recommended again and no reason names it."""
    system.click("eve", "f0", "purchase", event_id="e1")
    system.click("eve", "f5", event_id="e2")
    before = system.list_for("eve", "e2")
    system.send(system.topics.commands, {"command_id": "k-eve", "type": "retract", "user_id": "eve", "event_id": "e1"})
    after = system.list_for("eve", "k-eve")
    assert receipt_of(system, "k-eve")["status"] == "done"
    assert "f0" not in {item["item_id"] for item in before["items"]}
    assert "f0" in {item["item_id"] for item in after["items"]}
    assert "e1" not in {reason["event_id"] for item in after["items"] for reason in item["reasons"]}


def test_a_receipt_outlives_the_worker_that_saved_the_erasure(own_system: System) -> None:
    """Given a worker that dies between the save and the receipt, then the next one sends it; never one before."""
    system = own_system
    worker = system.start("tests.faults.faulty_worker", FAULT_POINT="after_save", FAULT_AT="1")
    assert until(worker.ready, READY_S), worker.child.last_lines()
    system.send(system.topics.commands, {"command_id": "erase-fay", "type": "erase", "user_id": "fay"})
    system.producer.flush()
    assert until(lambda: worker.child.exit_code is not None, 20)
    assert any(key.endswith(b":erased") for key in system.stored()), "it was saved"
    assert system.read(system.topics.receipts) == []
    system.start_ready()
    assert receipt_of(system, "erase-fay")["status"] == "done"
