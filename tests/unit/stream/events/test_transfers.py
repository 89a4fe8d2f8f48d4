"""Messages between owners that no owner wrote: left out, or a dead letter, and the next ones are taken in."""

import json
from typing import Any

import pytest

from stream.events.records import Record
from stream.events.transfers import HEADER
from stream.testing import NOW_MS, TOPICS, record
from tests.support.pipeline import FakeWorker, click, named

REF = [TOPICS.commands, 0, 3, "k-2", NOW_MS]
REQUEST = {"type": "request", "to": "u2", "user_id": "u1", "command_id": "k-2", "time_ms": NOW_MS, "ref": REF}
PASSED = {
    "type": "passed",
    "to": "u1",
    "hand": ["u2", 0, "0f1e2d"],
    "topic": TOPICS.clicks,
    "partition": 0,
    "offset": 5,
    "timestamp_ms": NOW_MS,
    "key": None,
}


def transfer(message: Any, value: Any = b"") -> Record:
    told = message if isinstance(message, bytes) else json.dumps(message).encode()
    return record(TOPICS.transfers, value, headers=((HEADER, told),))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        {},
        {"type": "gossip", "to": "u1"},
        REQUEST | {"to": ""},
        REQUEST | {"to": "*"},
        REQUEST | {"to": "u" * 257},
        REQUEST | {"user_id": ""},
        REQUEST | {"time_ms": -1},
        REQUEST | {"time_ms": 10**18},
        REQUEST | {"ref": [*REF[:4], 10**18]},
        REQUEST | {"ref": REF[:2]},
        REQUEST | {"ref": [TOPICS.commands, 2**70, *REF[2:]]},
        REQUEST | {"ref": [TOPICS.commands, 0, 2**70, *REF[3:]]},
        {"type": "republish", "to": "*", "folded": []},
        {"type": "erased", "to": "u1", "time_ms": 2**70},
        PASSED | {"topic": "elsewhere"},
        PASSED | {"topic": TOPICS.items},
        PASSED | {"topic": TOPICS.transfers},
        PASSED | {"partition": -1},
        PASSED | {"offset": 2**64},
        PASSED | {"hand": ["", 0, ""]},
        PASSED | {"key": "no base64"},
    ],
)
async def test_what_no_owner_wrote_is_left_out(worker: FakeWorker, message: Any) -> None:
    assert await worker.takes(transfer(message, {"user_id": "u1", "item_id": "i1", "type": "click"})) == []
    assert worker.dead_letters() == []
    (made,) = await worker.takes(click(0))
    assert named(made) == ["c-0"]


async def test_an_event_of_another_partition_is_not_passed_on() -> None:
    worker = FakeWorker(partitions=4)
    await worker.acquires(*range(4))
    body = {"user_id": "u1", "item_id": "i1", "type": "click"}
    misrouted = [transfer(PASSED | {"partition": number}, body) for number in range(4)]
    for offset, reroute in enumerate(misrouted):
        await worker.takes(Record(reroute.topic, 0, offset, NOW_MS, None, reroute.value, reroute.headers))
    assert [reason for reason, _ in worker.dead_letters()] == ["wrong_partition"] * 3
