"""Where reading goes on after a rebalance, or after the store was found elsewhere than it was left."""

from collections.abc import Mapping
from typing import cast

from faust.types import TP

from stream.events.records import Record
from stream.kafka.assignment import Partitions, Reading
from stream.store.base import Commit
from stream.store.pending_index import PendingIndex
from stream.store.redis import Store
from stream.testing import NOW_MS, TOPICS, MemoryStore

CLICKS = TP(TOPICS.clicks, 0)


def record(offset: int, follows: int | None = None) -> Record:
    return Record(TOPICS.clicks, 0, offset, NOW_MS, None, b"{}", follows=follows)


class Owner:
    """Partitions over a store in memory, which has taken in 50 clicks, and their consumer."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.seeks: list[Mapping[TP, int | None]] = []
        self.stands = Reading()
        self.partitions = Partitions(TOPICS, cast("Store", self.store), PendingIndex(), self, session_timeout_s=0.0)

    async def go_to(self, positions: Mapping[TP, int | None]) -> None:
        self.seeks.append(positions)

    def reading(self, _: TP) -> Reading:
        return self.stands

    async def commit_passed(self) -> None:
        """Nothing is committed."""

    def let_flow(self) -> None:
        """Nothing is held back."""

    async def moves_to(self, offset: int) -> None:
        """Have the store hold an offset, whatever it held before."""
        other = MemoryStore(beside=self.store)
        await other.acquire(0)
        await other.save(Commit(0, other.lease(0), offsets={TOPICS.clicks: offset}))

    async def leases(self, offset: int) -> None:
        """Have the store hold an offset, and this worker the partition."""
        await self.moves_to(offset)
        await self.partitions.begin({CLICKS})

    async def takes(self, *offsets: int) -> list[int]:
        """Those of a batch of records that are to be taken in; they are saved."""
        taken = [each.offset for each in self.partitions.current([record(offset) for offset in offsets])]
        lease = self.store.lease(0)
        following = max([offset + 1 for offset in taken], default=0)
        if following > lease.offsets.get(TOPICS.clicks, 0):
            await self.store.save(Commit(0, lease, offsets={TOPICS.clicks: following}))
        await self.partitions.fill()
        return taken


async def test_reading_goes_back_and_is_pressed_until_a_record_from_there_comes() -> None:
    owner = Owner()
    await owner.leases(60)
    await owner.moves_to(25)
    await owner.partitions.refused(0, owner.store.lease(0).token)
    assert await owner.takes(60) == [], "the token is another's"
    await owner.partitions.look()  # the session is over: claimed again

    assert owner.seeks[0] == {CLICKS: 25}
    assert await owner.takes(61, 62) == [], "fetched before going back"
    await owner.partitions.look()
    assert owner.seeks[-1] == {CLICKS: 25}
    assert len(owner.seeks) > 2, "nothing has come from there yet"
    assert await owner.takes(25, 26) == [25, 26]
    sent = len(owner.seeks)
    await owner.partitions.look()
    assert len(owner.seeks) == sent
    assert await owner.takes(27) == [27]


async def test_what_comes_too_early_after_a_rebalance_is_not_taken_in() -> None:
    """Given a fetch of before the rebalance, when its rest is delivered, then what lies before it is not lost."""
    owner = Owner()
    await owner.leases(8)
    assert await owner.takes(15, 16) == []
    assert owner.seeks == [{CLICKS: 8}]
    assert await owner.takes(8, 9, 10) == [8, 9, 10]
    assert await owner.takes(13) == [], "a gap in the middle is one, too"
    assert owner.seeks[1:] == [{CLICKS: 11}]
    assert await owner.takes(14, 11, 12) == [11, 12], "it came in the same batch"
    assert await owner.takes(5, 13) == [5, 13], "what the states hold already passes: its list is published again"


async def test_a_gap_that_reading_again_does_not_fill_is_believed() -> None:
    """Given offsets that transactions or retention have taken, when nothing lies there, then reading goes on."""
    owner = Owner()
    await owner.leases(8)
    assert await owner.takes(10, 11) == []
    assert await owner.takes(10, 10, 11) == [], "two copies in one batch say no more than one"
    assert await owner.takes(10, 11) == [10, 11]
    assert await owner.takes(12) == [12]
    assert owner.seeks == [{CLICKS: 8}, {CLICKS: 8}]


async def test_offsets_that_are_not_there_are_no_gap() -> None:
    """Given markers of transactions between records, when each says where the last one ended, then all are taken."""
    owner = Owner()
    await owner.leases(8)
    came = [record(9, follows=8), record(12, follows=10), record(20, follows=13), record(30, follows=25)]

    assert [each.offset for each in owner.partitions.current(came)] == [9, 12, 20], "something lies before 30"


async def test_what_lies_behind_the_last_record_is_reached() -> None:
    """Given a marker at the end, when all records before it are taken in, then there is no lag."""
    owner = Owner()
    await owner.leases(8)
    owner.stands = Reading(position=9, last=7)
    assert owner.partitions.reached([0]) == {CLICKS: 9}
    owner.stands = Reading(position=12, last=10)
    assert owner.partitions.reached([0]) == {CLICKS: 8}, "10 was handed out and is under way"


async def test_a_topic_that_begins_late_is_read_from_its_start() -> None:
    owner = Owner()
    await owner.partitions.begin({CLICKS})
    assert [await owner.takes(1000, 1001) for _ in range(3)] == [[], [], [1000, 1001]]
    assert owner.seeks == [{CLICKS: None}] * 2


async def test_a_record_is_taken_once_a_batch_and_only_from_ones_own_partition() -> None:
    owner = Owner()
    await owner.leases(8)
    assert await owner.takes(8, 9, 8, 9, 10) == [8, 9, 10]
    await owner.partitions.begin(set())
    assert await owner.takes(11) == []
    assert owner.seeks == []


async def test_a_write_that_was_under_way_when_the_partition_was_acquired_anew_acquires_nothing() -> None:
    owner = Owner()
    await owner.leases(60)
    before = owner.store.lease(0).token
    await owner.store.acquire(0)
    token = owner.store.lease(0).token
    await owner.partitions.refused(0, before)
    assert owner.store.lease(0).token == token
    await owner.partitions.refused(0, token)
    assert owner.store.lease(0).token != token
    assert owner.seeks == [{CLICKS: 60}]


async def test_a_store_that_was_put_back_is_noticed_though_nothing_is_written() -> None:
    owner = Owner()
    await owner.leases(50)
    await owner.partitions.look()
    assert owner.seeks == [], "all is as it was left"

    owner.store.put_back(0, {TOPICS.clicks: 20})
    await owner.partitions.look()

    assert owner.seeks[0] == {CLICKS: 20}
    assert await owner.takes(20, 21) == [20, 21]
