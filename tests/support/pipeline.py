"""A worker on fakes, and the events that tests send it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import msgspec

from penchant.messages import CoVisits, RecommendationList
from serving.state.user_state import UserState, Vector
from stream.events.records import Record
from stream.pipeline import Pipeline
from stream.processing.batch import Limits
from stream.processing.effects import LiveEffects
from stream.processing.intake import LiveIntake
from stream.testing import NOW_MS, TOPICS, MemoryLog, MemoryStore, embed_by_words, embed_texts, memory_pipeline, record

DAY_MS = 86_400_000


def with_parts(pipeline: Pipeline, **parts: Any) -> Pipeline:
    """A pipeline on fakes with some of its parts exchanged, in its intake and its effects, too."""

    def of(whole: Any) -> dict[str, Any]:
        return {each.name: parts[each.name] for each in fields(whole) if each.name in parts}

    intake, effects = live_intake(pipeline), live_effects(pipeline)
    assert not parts.keys() - {*of(pipeline), *of(intake), *of(effects)}
    ports = {"intake": replace(intake, **of(intake)), "effects": replace(effects, **of(effects))}
    exchanged: dict[str, Any] = ports | of(pipeline)
    return replace(pipeline, **exchanged)


def live_intake(pipeline: Pipeline) -> LiveIntake:
    assert isinstance(pipeline.intake, LiveIntake)
    return pipeline.intake


def live_effects(pipeline: Pipeline) -> LiveEffects:
    assert isinstance(pipeline.effects, LiveEffects)
    return pipeline.effects


class FakeWorker:
    """A pipeline on fakes, with its clock; `beside` another worker on the same store and log."""

    def __init__(self, beside: "FakeWorker | None" = None, partitions: int = 1, limits: Limits | None = None) -> None:
        self.store: MemoryStore = MemoryStore(beside=beside.store if beside else None)
        self.log: MemoryLog = beside.log if beside else MemoryLog()
        self.items: dict[str, Vector] = {f"i{n}": embed_by_words("space") for n in range(30)}
        self.now_ms = NOW_MS
        self.pipeline: Pipeline = memory_pipeline(
            self.store, self.log, self.items, partitions=partitions, clock=lambda: self.now_ms, limits=limits
        )

    async def acquires(self, *partitions: int) -> None:
        for number in partitions:
            await self.store.acquire(number)
            self.pipeline.waiting.replace(number, await self.store.waiting(number))

    async def takes(self, *records: Record) -> list[RecommendationList]:
        """The lists that these records cause, all of which must be processed."""
        before = len(self.log.lists())
        done, refused = await self.pipeline.process(records)
        assert sorted(done, key=records.index) == list(records)
        assert refused == []
        return self.log.lists()[before:]

    def covisits(self) -> list[CoVisits]:
        bodies = [each.value or b"" for each in self.log.on(TOPICS.covisits)]
        return [msgspec.json.decode(body, type=CoVisits) for body in bodies]

    def dead_letters(self) -> list[tuple[str, bytes | None]]:
        """Of each dead letter its word and its bytes."""
        return [(dict(each.headers)["penchant.error"].decode(), each.value) for each in self.log.dead()]

    async def state(self, user: str) -> UserState:
        return (await self.store.load(0, [user]))[user]

    async def long(self, user: str) -> Vector:
        """The long vector of a user who has one."""
        vector = (await self.state(user)).long
        assert vector is not None
        return vector


class Degraded(FakeWorker):
    """A worker whose encoder reads no text that has one of the words in `misses`."""

    def __init__(self, beside: FakeWorker | None = None, limits: Limits | None = None) -> None:
        super().__init__(beside, limits=limits)
        self.misses: set[str] = set()
        self.pipeline = replace(self.pipeline, embedder=self._embed)

    async def _embed(self, texts: Sequence[str]) -> Mapping[str, Vector]:
        return await embed_texts([text for text in texts if not self.misses & set(text.split())])


def click(offset: int, item: str = "i1", user: str = "u1", **more: Any) -> Record:
    body = {"event_id": f"c-{offset}", "user_id": user, "item_id": item, "type": "click"} | more
    return record(TOPICS.clicks, body, offset)


def says(offset: int, text: str, user: str = "u1", **more: Any) -> Record:
    return record(TOPICS.reviews, {"event_id": f"r-{offset}", "user_id": user, "text": text} | more, offset)


def named(made: RecommendationList) -> list[str]:
    return [each.event_id for each in made.folded]
