"""A consumer that leaves time between fetches: for few records, not for many, and never before a first one."""

import asyncio
from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest

from serving.kafka import paced_fetches
from serving.kafka.paced_fetches import PacedFetches

FETCH = FetchRequest(0, 0, 0, 0, [])
APART_S = 5.0


class Answer:
    """Of a fetch from one partition."""

    def __init__(self, records: bytes | None) -> None:
        self.topics = [("clicks", [(0, 0, 0, records)])]


class Clock:
    """Time that passes by waiting alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        self.waited: list[float] = []
        monkeypatch.setattr(paced_fetches, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now_s += seconds


def paced(records: bytes | None) -> PacedFetches:
    """Fetches of a broker that has always the same."""

    async def send(_: int, request: Any) -> Any:
        return Answer(records) if isinstance(request, FetchRequest) else "of another kind"

    return PacedFetches(send, APART_S)


async def test_after_few_records_the_next_fetch_from_that_broker_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, fetches = Clock(monkeypatch), paced(b"a record")

    await fetches.send(1, FETCH)
    clock.now_s += 2.0
    await fetches.send(2, FETCH)
    assert await fetches.send(1, MetadataRequest([])) == "of another kind"
    assert clock.waited == []

    await fetches.send(1, FETCH)
    clock.now_s += APART_S
    await fetches.send(1, FETCH)
    assert clock.waited == [APART_S - 2.0]


@pytest.mark.parametrize("records", [b"", None, bytes(100_000)])
async def test_after_nothing_and_after_many_it_waits_for_nothing(
    records: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, fetches = Clock(monkeypatch), paced(records)

    for _ in range(3):
        await fetches.send(1, FETCH)

    assert clock.waited == []
