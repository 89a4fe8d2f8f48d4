"""What is small on the wire and large when it is unpacked: refused within bounds, and the stream goes on."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psutil
import pytest

from benchmarks.performance.apache_kafka import ApacheKafka
from penchant.partitioner import partition_of
from tests.foreign.cases import asked, assert_folded, event, likes
from tests.foreign.librdkafka import produce
from tests.foreign.plans import Send, SendPlan
from tests.foreign.segments import batches
from tests.support.system import System, header
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]

MIB = 2**20
BOMBS = {"gzip": 200, "zstd": 200, "lz4": 200, "snappy": 36}  # codec -> MiB that fit into a message of 2 MiB
GROWTH = 200 * MIB


@contextmanager
def bounded_memory(system: System) -> Iterator[None]:
    """The worker takes no more than so much more memory meanwhile, looked at every few milliseconds."""
    process, done, most = psutil.Process(system.workers[-1].child.pid), Event(), [0]
    before = process.memory_info().rss

    def look() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], process.memory_info().rss)

    looking = Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        done.set()
        looking.join()
    assert most[0] - before < GROWTH, f"the worker took {(most[0] - before) / MIB:.0f} MiB more"


def dead_letter_of(system: System, send: Send) -> Any:
    """The one dead letter of a record that was sent under a key of its own."""

    def found() -> list[Any]:
        return [dead_letter for dead_letter in system.read(f"{send.topic}.dlq") if dead_letter.key == send.key]

    assert until(lambda: bool(found()), 30), f"no dead letter\n{system.workers[-1].child.last_lines()}"
    (dead_letter,) = found()
    return dead_letter


def assert_cut(dead_letter: Any, original: bytes) -> None:
    """It has what fits, and says how long the original was, and by which hash it can be known."""
    assert header(dead_letter, "penchant.error") == "too_large"
    value = dead_letter.value
    assert len(value) < len(original)
    assert original.startswith(value)
    assert header(dead_letter, "penchant.length") == str(len(original))
    assert header(dead_letter, "penchant.sha256") == hashlib.sha256(original).hexdigest()


def test_a_review_of_megabytes_is_cut(system: System) -> None:
    """Given a review of 4 MB that gzip makes small, then its dead letter is cut, and says what it was."""
    name = secrets.token_hex(3)
    value = json.dumps({"event_id": name, "user_id": name, "item_id": "f1", "text": "so good " * (MIB // 2)}).encode()
    review, others = Send(system.topics.reviews, name.encode(), value), likes(system)
    produce(system.bootstrap, SendPlan((review, *others.values()), codec="gzip", largest=8 * MIB))
    assert_folded(system, others)
    assert_cut(dead_letter_of(system, review), value)


def test_what_cannot_be_passed_on_is_dead_lettered(system: System) -> None:
    """Given a valid click on the wrong partition that is too large to be forwarded, then it is a dead letter."""
    user = secrets.token_hex(3)
    wrong = (partition_of(user, system.partitions) + 1) % system.partitions
    click = event(system.topics, user, user, "f1", context={"page": "x" * 4_200_000})
    misrouted, others = Send(click.topic, click.key, click.value, partition=wrong), likes(system)
    produce(system.bootstrap, SendPlan((misrouted, *others.values()), codec="gzip", largest=8 * MIB))
    assert_folded(system, others)
    assert_cut(dead_letter_of(system, misrouted), click.value or b"")


@pytest.mark.parametrize("codec", BOMBS)
def test_a_bomb_takes_no_memory(system: System, kafka: ApacheKafka, codec: str) -> None:
    """Given a message that unpacks to a hundred times its size, then it is a dead letter, and others are served."""
    user, topic = f"bomb-{codec}", system.topics.clicks
    home = partition_of(user, system.partitions)
    with bounded_memory(system):
        bomb = Send(topic, user.encode(), b"x" * (BOMBS[codec] * MIB), partition=home)
        produce(system.bootstrap, SendPlan((bomb,), codec=codec, largest=256 * MIB))
        del bomb
        offset = batches(kafka, topic, home)[-1].last
        others = likes(system)
        produce(system.bootstrap, SendPlan(tuple(others.values()), codec=codec))
        assert_folded(system, others)

    def dead_lettered() -> bool:
        here = (str(home), str(offset))
        dead_letters = [each for each in system.read(f"{topic}.dlq") if place(each) == here]
        return any(header(each, "penchant.error") in {"too_large", "unreadable"} for each in dead_letters)

    assert until(dead_lettered, 20), system.workers[-1].child.last_lines()


def place(dead_letter: Any) -> tuple[str, str]:
    """Where the original of a dead letter lies: partition and offset."""
    return header(dead_letter, "penchant.partition"), header(dead_letter, "penchant.offset")


def test_commands_read_on_behind_bombs(system: System) -> None:
    assert asked(system, "replay", "--verify")["right"]
    assert until(lambda: asked(system, "doctor", ok=False)["lag"]["count"] == 0, 20)
