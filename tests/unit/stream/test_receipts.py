"""Receipts: told once what they tell is saved, and owed until they are told."""

import asyncio

import msgspec
import pytest

from penchant.errors import Unavailable
from penchant.messages import Receipt
from penchant.times import rfc3339
from stream.store.base import Commit, Saved
from stream.testing import NOW_MS, TOPICS, record
from tests.support.commands import erase, receipts
from tests.support.pipeline import FakeWorker, click


async def test_nobody_is_told_that_a_command_is_done_before_that_is_saved(worker: FakeWorker) -> None:
    """Given a store that is away, then there is no receipt; once it is back, there is one."""
    await worker.takes(click(0))
    save, asked, back = worker.store.save, asyncio.Event(), asyncio.Event()

    async def away(commit: Commit) -> Saved:
        asked.set()
        await back.wait()
        return await save(commit)

    worker.store.save = away  # type: ignore[method-assign]
    erasing = asyncio.create_task(worker.takes(erase(0)))
    await asked.wait()
    assert (await worker.state("u1")).known
    assert receipts(worker) == []
    back.set()
    await erasing
    assert not (await worker.state("u1")).known
    assert receipts(worker) == [("k-0", "done", "")]


async def test_a_command_that_another_owner_carries_out_is_answered_by_that_one_alone(worker: FakeWorker) -> None:
    successor = FakeWorker(beside=worker)
    await successor.acquires(0)
    _, refused = await worker.pipeline.process([erase(0), record(TOPICS.commands, broken_command(1), 1)])
    assert (len(refused), receipts(worker)) == (1, [])
    await successor.takes(erase(0), record(TOPICS.commands, broken_command(1), 1))
    assert receipts(worker) == [("k-0", "done", ""), ("k-1", "refused", "unknown_type")]


async def test_a_receipt_that_was_not_sent_is_owed_by_the_next_owner_and_then_by_nobody(worker: FakeWorker) -> None:
    worker.log.refuses = lambda each: each.topic == TOPICS.receipts
    with pytest.raises(Unavailable):
        await worker.pipeline.process([click(0), erase(0), record(TOPICS.commands, broken_command(1), 1)])
    assert not (await worker.state("u1")).known, "it is done"
    worker.log.refuses = lambda _: False
    successor = FakeWorker(beside=worker)
    successor.now_ms += 1000
    await successor.acquires(0)
    await successor.pipeline.resume(0)
    assert receipts(worker) == [("k-0", "done", ""), ("k-1", "refused", "unknown_type")]
    told = msgspec.json.decode(worker.log.on(TOPICS.receipts)[0].value or b"", type=Receipt)
    assert (told.removed["events"], told.completed_at) == (1, rfc3339(NOW_MS)), "as of when it was done"
    await successor.takes(click(1, user="u2"))
    last = FakeWorker(beside=worker)
    await last.acquires(0)
    await last.pipeline.resume(0)
    assert len(receipts(worker)) == 2


async def test_a_receipt_that_was_ended_on_its_way_comes_with_the_next_batch(worker: FakeWorker) -> None:
    worker.log.refuses = lambda each: each.topic == TOPICS.receipts
    with pytest.raises(Unavailable):
        await worker.pipeline.process([erase(0)])
    worker.log.refuses = lambda _: False
    await worker.takes(click(0, user="u2"))
    await worker.takes(erase(1, "u3"))
    assert [each[:2] for each in receipts(worker)] == [("k-0", "done"), ("k-1", "done")]


def broken_command(number: int) -> dict[str, str]:
    return {"command_id": f"k-{number}", "type": "banish", "user_id": "u1"}
