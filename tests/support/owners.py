"""Two workers on fakes, each with a user partition of its own, and the topic between them: for tests of merging."""

import itertools
from typing import Any

import msgspec

from penchant.messages import Receipt
from penchant.partitioner import partition_of
from serving.state.user_state import UserState
from stream.events.records import Record
from stream.events.transfers import HEADER
from stream.processing.batch import Limits
from stream.testing import NOW_MS, TOPICS, record
from tests.support.pipeline import FakeWorker

PARTITIONS = 2


def user_on(partition: int, name: str) -> str:
    """An id beginning with `name` whose partition is that."""
    ids = (f"{name}{n}" for n in itertools.count())
    return next(each for each in ids if partition_of(each, PARTITIONS) == partition)


KNOWN, ANONYMOUS, THIRD = user_on(0, "known"), user_on(1, "guest"), user_on(0, "third")


class Owners:
    """`send` takes a message in by the owner of its user; `deliver` what the owners told each other since."""

    def __init__(self, limits: Limits | None = None) -> None:
        first = FakeWorker(partitions=PARTITIONS, limits=limits)
        self.workers = [first, FakeWorker(beside=first, partitions=PARTITIONS, limits=limits)]
        self.log = first.log
        self.offsets: dict[tuple[str, int], int] = {}
        self.delivered = 0

    async def acquire(self) -> None:
        for number, worker in enumerate(self.workers):
            await worker.acquires(number)

    async def send(self, *bodies: dict[str, Any], timestamp_ms: int = NOW_MS) -> None:
        """Each body goes to its topic, and is processed at once, one by one."""
        for body in bodies:
            topic = TOPICS.commands if "command_id" in body else TOPICS.reviews if "text" in body else TOPICS.clicks
            number = partition_of(body["user_id"], PARTITIONS)
            await self.take(record(topic, body, self.next(topic, number), partition=number, timestamp_ms=timestamp_ms))

    async def take(self, *records: Record) -> None:
        (number,) = {each.partition for each in records}
        await self.workers[number].takes(*records)

    def next(self, topic: str, number: int) -> int:
        offset = self.offsets.get((topic, number), 0)
        self.offsets[topic, number] = offset + 1
        return offset

    def pending(self) -> list[Record]:
        """What was told and not delivered yet, as records of the topic."""
        told = self.log.on(TOPICS.transfers)[self.delivered :]
        self.delivered += len(told)
        records = []
        for each in told:
            number = partition_of((each.key or b"").decode(), PARTITIONS)
            offset = self.next(TOPICS.transfers, number)
            records.append(
                record(TOPICS.transfers, each.value, offset, partition=number, key=each.key, headers=each.headers)
            )
        return records

    async def deliver(self) -> None:
        """Until nobody has anything to tell."""
        while records := self.pending():
            for each in records:
                await self.take(each)

    async def resend_transfers(self) -> None:
        for worker in self.workers:
            await worker.pipeline.resend_transfers()

    async def state(self, user: str) -> UserState:
        return (await self.workers[0].store.load(partition_of(user, PARTITIONS), [user]))[user]

    def receipts(self) -> list[tuple[str, str, str]]:
        """Of each: command, status, first word of the reason."""
        made = [msgspec.json.decode(each.value or b"", type=Receipt) for each in self.log.on(TOPICS.receipts)]
        return [(each.command_id, each.status, each.reason.split(":")[0]) for each in made]

    def told(self) -> list[str]:
        """The types of all messages between the owners so far."""
        return [
            msgspec.json.decode(value)["type"]
            for each in self.log.on(TOPICS.transfers)
            for name, value in each.headers
            if name == HEADER
        ]


def click(event_id: str, user: str, item: str = "i1", **more: Any) -> dict[str, Any]:
    return {"event_id": event_id, "user_id": user, "item_id": item, "type": "like"} | more


def merge(command_id: str, user: str, anonymous: str) -> dict[str, Any]:
    return {"command_id": command_id, "type": "merge", "user_id": user, "anonymous_id": anonymous}


def erase(command_id: str, user: str) -> dict[str, Any]:
    return {"command_id": command_id, "type": "erase", "user_id": user}


def retract(command_id: str, user: str, event_id: str) -> dict[str, Any]:
    return {"command_id": command_id, "type": "retract", "user_id": user, "event_id": event_id}
