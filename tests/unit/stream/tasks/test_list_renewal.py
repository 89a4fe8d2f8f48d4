"""Lists that were short for want of items are made again once there are more, in whatever order items come."""

from array import array
from collections.abc import Sequence

import pytest

from penchant.messages import ItemVector, Recommendations
from serving.catalogue import Catalogue, pack
from serving.state.user_state import Ref
from stream.monitoring.list_cache import CachedList, ListCache
from stream.tasks.list_renewal import ListRenewal
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, MemoryLog, MemoryStore, embed_by_words, record
from tests.support.evaluated_workers import K, RankingWorker, catalogue_of
from tests.support.pipeline import click, named, with_parts


class Small(RankingWorker):
    """A worker whose catalogue is small at first."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.catalogue = catalogue_of(ids)
        super().__init__(self.catalogue)
        self.kept = MemoryLog()
        self.pipeline = with_parts(self.pipeline, log=self.kept)

    def grow(self, ids: Sequence[str]) -> None:
        for item_id in ids:
            put(self.catalogue, item_id)

    async def look(self) -> list[Recommendations]:
        """The lists that were made again, as if a second had passed."""
        before = len(self.kept.lists())
        await ListRenewal(self.pipeline, self.live.lists, self.live.offered).look()
        return self.kept.lists()[before:]


def put(catalogue: Catalogue, item_id: str) -> None:
    catalogue.put(
        ItemVector(
            item_id=item_id,
            title=item_id,
            facets={},
            available=True,
            revision="",
            fingerprint=FINGERPRINT,
            vector=pack(embed_by_words("space love" if len(item_id) % 2 else "space")),
        )
    )


async def started(ids: Sequence[str]) -> Small:
    worker = Small(ids)
    await worker.store.acquire(0)
    return worker


async def test_a_list_grows_with_the_catalogue_without_another_event() -> None:
    """Given a user who has seen all there is, when more comes, then the list has it, and names the event again."""
    worker = await started(["i0"])
    await worker.pipeline.process([click(0, "i0")])
    (first,) = worker.kept.lists()
    assert ([each.item_id for each in first.items], first.path) == (["i0"], "trending"), "not an empty live one"
    assert await worker.look() == []

    worker.grow([f"new-{n}" for n in range(5)])
    (second,) = await worker.look()
    worker.grow([f"more-{n}" for n in range(30)])
    (third,) = await worker.look()
    worker.grow(["last"])

    assert ({each.item_id for each in second.items}, second.path) == ({f"new-{n}" for n in range(5)}, "live")
    assert (len(third.items), third.path) == (K, "live")
    assert [named(each) for each in (first, second, third)] == [["c-0"]] * 3
    assert second.cause == third.cause == first.cause
    assert first.version < second.version < third.version
    assert await worker.look() == [], "it is full"


async def test_a_list_is_the_same_whatever_comes_first() -> None:
    one, other = await started(["i0"]), await started(["i0"])
    await one.pipeline.process([click(0, "i0")])
    for worker in (one, other):
        worker.grow([f"new-{n}" for n in range(K)])
    await one.look()
    await other.pipeline.process([click(0, "i0")])

    last, only = one.kept.lists()[-1], other.kept.lists()[-1]
    assert [each.item_id for each in last.items] == [each.item_id for each in only.items]
    assert (last.path, last.folded, last.cause) == (only.path, only.folded, only.cause)


async def test_who_has_seen_a_whole_catalogue_hears_of_what_is_new() -> None:
    """Given more items than a list has, all seen, then the list is full of what trends, and yet made again."""
    ids = [f"i{n}" for n in range(K + 5)]
    worker = await started(ids)
    await worker.pipeline.process([click(n, item_id) for n, item_id in enumerate(ids)])
    (first,) = worker.kept.lists()
    assert (len(first.items), first.path) == (K, "trending")

    worker.grow(["new"])

    (second,) = await worker.look()
    assert ([each.item_id for each in second.items], second.path) == (["new"], "live")


async def test_what_was_dismissed_stays_out() -> None:
    worker = await started(["i0"])
    await worker.pipeline.process([click(0, "i0", type="dismiss")])
    (first,) = worker.kept.lists()
    assert (first.items, first.path) == ([], "trending")


async def test_an_erased_user_gets_no_list_again() -> None:
    worker = await started(["i0"])
    await worker.pipeline.process([click(0, "i0")])
    command = {"type": "erase", "user_id": "u1", "command_id": "e-1", "event_time": NOW_MS}
    await worker.pipeline.process([record(TOPICS.commands, command, timestamp_ms=NOW_MS + 1)])
    worker.grow(["new"])
    assert await worker.look() == []


async def test_partitions_of_others_are_left_alone() -> None:
    """Given a worker that has lost a partition and does not know it, then nothing is written nor published."""
    worker = await started(["i0"])
    await worker.pipeline.process([click(0, "i0")])
    await MemoryStore(beside=worker.store).acquire(0)
    worker.grow(["new"])
    assert await worker.look() == []


@pytest.mark.parametrize("short", [3, 100])
def test_lists_take_turns(short: int) -> None:
    lists = ListCache()
    lists.keep({0})
    for n in range(short):
        lists.put(f"u{n}", CachedList(0, 1, "live", "", _rows(), b"", cause=Ref("clicks", 0, n, f"c{n}", 0), offered=1))
    lists.put("full", CachedList(0, 1, "live", "", _rows(), b""))

    first = lists.outgrown(2, 64)
    assert list(first) == [f"u{n}" for n in range(min(short, 64))]
    assert list(lists.outgrown(2, 1)) == [f"u{64 if short > 64 else 0}"]
    assert lists.outgrown(1, 64) == {}
    lists.forget("u0")
    assert "u0" not in lists.outgrown(2, short)
    lists.keep({1})
    assert lists.outgrown(2, short) == {}
    assert lists.bytes == 0


def _rows() -> "array[int]":
    return array("i")
