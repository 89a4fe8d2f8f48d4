"""`penchant replay` beside what goes on: a stream of events, a merge under way, another model folder, or nothing."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
import redis

from penchant.partitioner import partition_of
from serving.model.artifact import MANIFEST, fingerprint
from tests.acceptance.test_events_to_lists import FILMS
from tests.conftest import Broker
from tests.integration.test_replay import (
    MERGED,
    USERS,
    everybody_is_the_same,
    keys_of,
    process_all,
    replay,
    send_disorder,
    verified,
)
from tests.support.system import MODEL, System, now_ms, running
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]


@pytest.fixture
def system(broker: Broker, redis_url: str, prefix: str, tmp_path: Path, small_model: Path) -> Iterator[System]:
    with running(broker, redis_url, prefix, tmp_path) as made:
        made.environment["PENCHANT_MODEL"] = str(small_model)
        yield made


def test_it_is_compared_while_events_come(system: System) -> None:
    """Given a stream of events, some on wrong partitions, when verified meanwhile, then nothing differs."""
    system.start_ready()
    system.publish(FILMS)
    stop, sent = Event(), list[int]()

    def stream() -> None:
        while not stop.wait(0.005):
            n = len(sent)
            click = {"user_id": USERS[n % 20], "item_id": f"f{n % len(FILMS)}", "type": "like", "event_id": f"c{n}"}
            system.send(system.topics.clicks, click, partition=None if n % 5 else n % system.partitions)
            sent.append(n)

    thread = Thread(target=stream)
    thread.start()
    try:
        assert until(lambda: len(system.named()) > 100, 60)
        before, known = len(sent), len(system.named())
        told = verified(system)
        assert len(sent) > before, "nothing came meanwhile"
    finally:
        stop.set()
        thread.join()

    assert told["equal"] == len(USERS)
    assert known <= told["events"] < 2 * len(sent)


def test_what_is_under_way_to_a_broken_record_counts_once(system: System) -> None:
    """Given an alias's old click that its target's owner has not taken in yet, then the repair counts it once."""
    worker = system.start_ready()
    system.publish(FILMS)
    system.click("u5", "f1", event_id="before")
    system.list_for("u5", "before")
    merge = {"command_id": "m", "type": "merge", "user_id": "u7", "anonymous_id": "u5"}
    system.send(system.topics.commands, merge)
    assert until(lambda: b"m" in {r.key for r in system.read(system.topics.receipts)}, 60)
    system.click("u5", "f2", "like", event_id="old", event_time=now_ms() - 5_000_000)
    system.list_for("u7", "old")
    for n in range(100):  # beyond the ring and the window of ids: nobody could tell that it comes twice
        system.click("u7", f"f{n % len(FILMS)}", event_id=f"c{n}")
    system.list_for("u7", "c99")
    assert worker.child.stop(60) == 0
    with redis.Redis.from_url(system.redis_url) as client:
        offsets = f"{{{system.topics.prefix}:{partition_of('u7', system.partitions)}}}:offsets"
        (field,) = [name for name in client.hkeys(offsets) if name.startswith(system.topics.transfers.encode())]
        client.hincrby(offsets, field, -1)  # as it stands when the one partition is ahead of the other
        key = keys_of(system, "u7")
        record = bytearray(client.get(key))
        record[len(record) // 2] ^= 0x10
        client.set(key, bytes(record), keepttl=True)

    repairing = system.start_ready()
    system.click("u7", "f1", event_id="after")
    system.list_for("u7", "after", 60)

    assert until(lambda: repairing.metric("penchant_states_mended_total") >= 1)
    assert verified(system)["equal"] == 2


def another_folder(folder: Path) -> tuple[Path, str]:
    """The model folder with another length limit, which makes other vectors of long texts; and its fingerprint."""
    shutil.copytree(MODEL, folder, symlinks=False, ignore=shutil.ignore_patterns("sentiment.*"))  # made for the other's
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    manifest["max_tokens"] = 32
    manifest["files"].pop("sentiment.npz", None)
    manifest["fingerprint"] = fingerprint(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    return folder, manifest["fingerprint"]


@pytest.mark.long
def test_another_model_folder_takes_over(system: System, tmp_path: Path) -> None:
    """Given a system, when it rolls over, then the new store is of the new folder alone, and no event is lost."""
    system.environment["PENCHANT_MODEL"] = MODEL
    folder, new = another_folder(tmp_path / "model")
    other = f"{system.topics.prefix}-2"
    system.start_ready()
    system.publish(FILMS)
    send_disorder(system)
    process_all(system)

    restored = replay(system, "--into-prefix", other, "--model", str(folder))
    during = [f"during-{user}" for user in USERS]
    for user in USERS:
        system.click(user, "f1", event_id=f"during-{user}")
    assert until(lambda: set(during) <= system.named(), 60)
    assert system.workers[0].child.stop(60) == 0

    assert restored.exit_code == 0, restored.err
    assert restored.json["fingerprint"] == new
    assert restored.json["users"] == len(USERS)
    old_model = system.start(PENCHANT_STORE_PREFIX=other)
    assert until(lambda: old_model.child.exit_code == 78, 60)
    assert "model folder" in old_model.child.last_lines()

    system.start_ready(PENCHANT_STORE_PREFIX=other, PENCHANT_MODEL=str(folder))
    for user in USERS:
        system.click(user, "f2", event_id=f"after-{user}")
    after = {f"after-{user}" for user in USERS}
    assert until(lambda: after <= system.named(), 60)
    assert {made["fingerprint"] for user in set(USERS) - MERGED.keys() for made in system.lists(user)[-1:]} == {new}
    ran = replay(system, "--verify", "--model", str(folder), environment={"PENCHANT_STORE_PREFIX": other})
    assert ran.exit_code == 0, f"{ran.out}{ran.err}"
    everybody_is_the_same(ran.json)


def test_it_says_what_to_do(system: System) -> None:
    neither = replay(system)

    assert neither.exit_code == 2
    assert "--verify" in neither.err
    assert json.loads(replay(system, "--verify").out)["users"] == 0
