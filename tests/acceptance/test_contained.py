"""A bug in each stage of the pipeline: its records become dead letters, and nobody else waits for that."""

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.acceptance.test_events_to_lists import FILMS
from tests.conftest import Broker
from tests.faults.planted import planted
from tests.support.system import System, header, running
from tests.support.waiting import slowness, until

pytestmark = [pytest.mark.kafka, pytest.mark.model]

STAGES = ("decode", "fold", "answer", "send", "fetch")
EVENTS, RATE = 50, 150.0  # a block: so many events of bystanders, at so many a second
EVERY = 25  # beside each of so many, one event of a user who has the bug
BYSTANDERS = 40
ROUNDS = 2  # of a block with each stage's bug and one without; more blocks if that does not do
FLOOR_MS = 15.0  # what a machine that does something else adds to any p99; more where it is slow


@pytest.fixture(scope="module")
def faulty(
    broker: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory, small_model: Path
) -> Iterator[System]:
    """A worker with a bug in every stage, each of which only some users have."""
    prefix = f"test-{secrets.token_hex(4)}"
    with running(broker, redis_url, prefix, tmp_path_factory.mktemp("contained")) as system:
        system.environment["PENCHANT_MODEL"] = str(small_model)
        worker = system.start("tests.faults.faulty_worker", FAULT_RAISE=",".join(STAGES))
        assert until(worker.ready, 60), worker.child.last_lines()
        system.publish(FILMS)
        yield system


class SteadyClicks:
    """Sends clicks at a steady pace, some of users who have a bug, and measures how long everybody else waits."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.spoiled: dict[str, bytes] = {}  # user -> what was sent of him

    def block(self, stage: str | None) -> list[float]:
        """Send a block, wait until everybody has his list. Returns how long each waited for it, in ms.

        From the sending of an event to the time of the record that has its list.
        """
        system, begun, sent = self.system, time.monotonic(), dict[str, float]()
        for n in range(EVENTS):
            time.sleep(max(0.0, begun + n / RATE - time.monotonic()))
            if stage is not None and n % EVERY == EVERY // 2:
                self._spoil(stage)
            name = secrets.token_hex(6)
            sent[name] = time.time() * 1000
            system.click(f"by-{n % BYSTANDERS}", f"f{n % len(FILMS)}", event_id=name)
        system.producer.flush()
        worker = system.workers[-1].child
        assert until(lambda: sent.keys() <= system.named() or worker.exit_code is not None, 60), worker.last_lines()
        assert worker.exit_code is None, worker.last_lines()
        listed = self._listed()
        return [listed[name] - at_ms for name, at_ms in sent.items()]

    def _spoil(self, stage: str) -> None:
        user = planted(stage, len(self.spoiled))
        body = {"event_id": user, "user_id": user, "item_id": "f1", "type": "like"}
        self.spoiled[user] = json.dumps(body).encode()
        self.system.send(self.system.topics.clicks, self.spoiled[user], key=user)

    def _listed(self) -> dict[str, float]:
        """When each event was first named by a list, ms since 1970."""
        found: dict[str, float] = {}
        for record in self.system.read(self.system.topics.recommendations):
            if record.value is not None:
                for each in json.loads(record.value)["folded"]:
                    found.setdefault(each["event_id"], record.timestamp)
        return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_bug_costs_its_own_records(faulty: System, stage: str) -> None:
    """Given a bug in a stage, then its records are dead letters with all their bytes, and everybody else has lists."""
    bystanders = SteadyClicks(faulty)
    bystanders.block(stage)

    def dead_letters() -> dict[str, Any]:
        found = faulty.read(f"{faulty.topics.clicks}.dlq")
        return {
            dead_letter.key.decode(): dead_letter
            for dead_letter in found
            if dead_letter.key and dead_letter.key.decode() in bystanders.spoiled
        }

    assert until(lambda: len(dead_letters()) == len(bystanders.spoiled) > 0, 20), faulty.workers[-1].child.last_lines()
    for user, dead_letter in dead_letters().items():
        assert dead_letter.value == bystanders.spoiled[user]
        reason, words = "internal", f"Planted: the bug of {stage} at tests/faults/planted.py:"
        if stage == "fetch":
            reason, words = "unreadable", f"Planted('the bug of {stage}')"
        assert header(dead_letter, "penchant.error") == reason
        assert words in header(dead_letter, "penchant.message")


def test_nobody_else_waits_longer_for_it(faulty: System) -> None:
    """Given bugs in every stage, then bystanders' p99 is not above twice the usual.

    Blocks with a bug and without take turns, so that what else the machine does falls on both.
    """
    bystanders = SteadyClicks(faulty)
    bystanders.block(None)
    usual, beside = list[float](), list[float]()
    last = ROUNDS * len(bystanders.block(None)) * len(STAGES)  # so many are looked at: the latest

    def more() -> bool:
        for stage in STAGES:
            usual.extend(bystanders.block(None))
            beside.extend(bystanders.block(stage))
        return bool(p99(beside[-last:]) <= 2 * p99(usual[-last:]) + FLOOR_MS * slowness())

    enough = [more() for _ in range(ROUNDS)][-1] or any(more() for _ in range(2 * ROUNDS))
    words = f"p99 {p99(usual[-last:]):.1f} ms, {p99(beside[-last:]):.1f} ms beside bugs, of {len(usual)} events each"
    print(words)
    assert enough, words


def p99(values: list[float]) -> float:
    """What one in a hundred is above."""
    return float(np.percentile(values, 99))
