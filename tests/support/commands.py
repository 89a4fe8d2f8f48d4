"""Commands as records, and what is told of them."""

from typing import Any

import msgspec

from penchant.messages import Receipt
from serving.state.user_state import UserState
from stream.events.records import Record
from stream.testing import NOW_MS, TOPICS, record
from tests.support.pipeline import FakeWorker


def retract(offset: int, event_id: str, user: str = "u1", **more: Any) -> Record:
    body = {"command_id": f"k-{offset}", "type": "retract", "user_id": user, "event_id": event_id} | more
    return record(TOPICS.commands, body, offset)


def erase(offset: int, user: str = "u1", timestamp_ms: int = NOW_MS, **more: Any) -> Record:
    body = {"command_id": f"k-{offset}", "type": "erase", "user_id": user} | more
    return record(TOPICS.commands, body, offset, timestamp_ms=timestamp_ms)


def receipts(worker: FakeWorker) -> list[tuple[str, str, str]]:
    """Of each: command, status, first word of the reason."""
    made = [msgspec.json.decode(each.value or b"", type=Receipt) for each in worker.log.on(TOPICS.receipts)]
    return [(each.command_id, each.status, each.reason.split(":")[0]) for each in made]


def counts(state: UserState) -> list[int]:
    return sorted(state.seen["count"].tolist())


def is_zero(state: UserState) -> bool:
    return state.long is None or not state.long.any()
