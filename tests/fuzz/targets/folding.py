"""Records through the whole pipeline, on the fakes that we ship: none may stop it, and each is named or dead.

A step of an input is a record (see `wire.py`) or `{"do": "wake" | "expire" | "retry texts" | "ask" | "resume"}`.
"""

import json
import re
from functools import cache
from typing import Any

from penchant.errors import RejectReason
from serving.state.user_state import Vector
from stream.containment.faults import Guard
from stream.events.records import Record
from stream.events.transfers import HEADER
from stream.pipeline import Pipeline
from stream.store.pending_index import PendingIndex
from stream.testing import NOW_MS, TOPICS, MemoryLog, MemoryStore, embed_by_words, memory_pipeline
from tests.fuzz.target import Target
from tests.fuzz.targets import messages as m
from tests.fuzz.targets.between import SAID, states
from tests.fuzz.targets.decoding import decoder, loop
from tests.fuzz.targets.texts import REVIEWS
from tests.fuzz.targets.wire import read, record_of
from tests.support.pipeline import with_parts

_TOPICS = (TOPICS.clicks, TOPICS.reviews, TOPICS.commands, TOPICS.transfers)
_MOST_STEPS = 40
_DAY_MS = 86_400_000


@cache
def _template() -> Pipeline:
    """Weights and cues are read once."""
    return memory_pipeline(MemoryStore(), MemoryLog(), {})


class Internal(Exception):
    """A record was contained that no reason of the closed list explains: a fault of ours. kind: what and where."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = re.fullmatch(r"(\w+): .* at \S*?(\w+)\.py:\d+ in (\S+)", message, re.DOTALL)
        self.kind = "-".join(each.strip("<>_") for each in found.groups()) if found else "Internal"


class World:
    """One worker on fakes with one partition. Offsets are the log's: an input cannot choose them."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.items: dict[str, Vector] = {"i1": embed_by_words("space"), "i2": embed_by_words("war")}
        self.now_ms = NOW_MS
        self.ends: dict[str, int] = {}
        self.delivered = 0
        self.store = MemoryStore()
        self.pipeline: Pipeline = with_parts(
            _template(),
            decoder=decoder(clock=lambda: self.now_ms),
            guard=Guard(),
            store=self.store,
            log=self.log,
            items=self.items.get,
            waiting=PendingIndex(),
            clock=lambda: self.now_ms,
        )

    async def go(self, steps: list[Any]) -> None:
        """Take the steps, then deliver what the worker told itself, until it has nothing to tell."""
        await self.store.acquire(0)
        for step in steps[:_MOST_STEPS]:
            if isinstance(step, dict) and isinstance(step.get("do"), str):
                await self._do(step["do"])
            else:
                await self._take(record_of(step, _TOPICS, json.dumps(step).encode()))
        for _ in range(10):
            await self._deliver()
        await self.pipeline.process([self._placed(record_of({"value": m.CLICK | {"user_id": "last"}}, _TOPICS))])
        assert self.log.lists("last"), "the worker goes on"

    async def _do(self, what: str) -> None:
        match what:
            case "wake":
                self.items["i3"] = embed_by_words("love")
                await self.pipeline.on_items_available(["i3"])
            case "expire":
                self.now_ms += 2 * _DAY_MS
                await self.pipeline.expire()
            case "retry texts":
                await self.pipeline.retry_missed_texts(8)
            case "ask":
                await self.pipeline.resend_transfers()
            case "resume":
                await self.pipeline.resume(0)
            case _:
                await self._deliver()

    async def _take(self, came: Record) -> None:
        placed = self._placed(came)
        before = len(self.log.sent)
        done, refused = await self.pipeline.process([placed])
        assert (done, refused) == ([placed], [])
        assert len(self.log.sent) - before < 1000
        for dead_letter in self.log.sent[before:]:
            told = dict(dead_letter.headers)
            if told.get("penchant.error") == RejectReason.INTERNAL.value.encode():
                raise Internal(told["penchant.message"].decode())

    def _placed(self, came: Record) -> Record:
        offset = self.ends.get(came.topic, 0)
        self.ends[came.topic] = offset + 1
        return Record(came.topic, 0, offset, came.timestamp_ms, came.key, came.value, came.headers)

    async def _deliver(self) -> None:
        told = self.log.on(TOPICS.transfers)[self.delivered :]
        self.delivered += len(told)
        for each in told[:50]:
            await self._take(Record(TOPICS.transfers, 0, 0, NOW_MS, each.key, each.value, each.headers))


def fold() -> Target:
    """Sequences of several users: events, texts, what waits, retractions, merges, erasures, transfers."""

    def run(data: bytes) -> None:
        told = read(data)
        steps = told if isinstance(told, list) else [{"value": {"raw": data.decode("latin-1")}}]
        loop().run_until_complete(World().go(steps))

    return Target(run=run, corpus=[json.dumps(each).encode() for each in _corpus()], most_s=1.0, most_bytes=16_384)


def _corpus() -> list[list[Any]]:
    def on(topic: int, *values: Any) -> list[Any]:
        return [{"topic": topic, "value": each} for each in values]

    unknown = m.RATE | {"item_id": "i3"}
    other = m.REVIEW | {"user_id": "u2", "event_id": "r-2"}
    transfers = [
        [{"topic": 3, "value": value, "headers": [[HEADER, each]]} for value in ("", *states())] for each in SAID
    ]
    return [
        on(0, *m.CLICKS) + on(1, *m.REVIEWS) + on(2, m.RETRACT, m.RETRACT_TEXT),
        on(2, m.RETRACT) + on(0, m.RATE) + [{"do": "expire"}] + on(2, m.RETRACT_GONE),
        on(0, unknown, m.CLICK) + on(2, m.RETRACT) + [{"do": "wake"}, {"do": "retry texts"}],
        on(0, unknown) + on(1, *({"user_id": "u1", "text": text} for text in REVIEWS)) + [{"do": "expire"}],
        on(1, other) + on(0, m.CLICK) + on(2, m.MERGE) + [{"do": "deliver"}] + on(0, m.CLICK | {"user_id": "u2"}),
        on(1, other) + on(2, m.MERGE, m.ERASE) + [{"do": "ask"}, {"do": "deliver"}, {"do": "resume"}] + on(0, m.CLICK),
        on(0, *[unknown | {"event_id": f"c-{n}"} for n in range(20)])
        + on(2, m.MERGE | {"user_id": "u2", "anonymous_id": "u1"}),
        *transfers,
    ]
