"""Texts that the encoder missed, of users who are merged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from serving.state.user_state import Vector
from stream.testing import TOPICS
from tests.support.owners import ANONYMOUS, KNOWN, Owners, click, merge


async def owners_without_encoder() -> tuple[Owners, list[Any]]:
    """Two owners, and their pipelines as they are with an encoder that answers."""
    made = Owners()
    await made.acquire()
    well = [worker.pipeline for worker in made.workers]
    for worker in made.workers:
        worker.pipeline = replace(worker.pipeline, embedder=nothing)
    return made, well


async def nothing(_: Sequence[str]) -> Mapping[str, Vector]:
    return {}


async def test_what_was_missed_before_and_after_the_merge_is_retried_at_the_target() -> None:
    owners, well = await owners_without_encoder()
    before = {"user_id": ANONYMOUS, "event_id": "r1", "text": "love"}
    after = {"user_id": ANONYMOUS, "event_id": "r2", "text": "war"}
    await owners.send(click("a", KNOWN), before, merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    assert owners.log.lists(KNOWN)[-1].path == "cached"
    await owners.send(after)
    await owners.deliver()
    assert [entry.event_id for entry in (await owners.state(KNOWN)).pending] == ["r1", "r2"]

    assert [await pipeline.retry_missed_texts(64) for pipeline in well] == [2, 0]
    state = await owners.state(KNOWN)
    assert (sorted(each.event_id for each in state.ring), state.pending) == (["a", "r1", "r2"], [])
    last = owners.log.lists(KNOWN)[-1]
    assert (last.path, sorted(each.event_id for each in last.folded)) == ("live", ["r1", "r2"])
    assert owners.log.on(f"{TOPICS.reviews}.dlq") == []
    assert state.long is not None
    assert state.long[1] == state.long[2] > 0
