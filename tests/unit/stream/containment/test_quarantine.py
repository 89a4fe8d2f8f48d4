"""What ends two processes becomes a dead letter by the third, which does not read it; everybody else goes on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from serving.state.user_state import Vector
from stream.containment.faults import Guard
from stream.containment.quarantine import LISTS, WAITING, Quarantine
from stream.events.outgoing import Outgoing
from stream.events.records import Record
from stream.pipeline import Pipeline
from stream.testing import TOPICS, MemoryLog, MemoryStore, embed_by_words, memory_pipeline, record
from tests.support.pipeline import live_effects, with_parts

ITEMS = {"i1": embed_by_words("space")}


class Killed(BaseException):
    """Stands for the end of the process: nothing that runs in it sees more of it."""


def click(n: int, user: str = "", item: str = "i1") -> Record:
    user = user or f"u{n}"
    return record(TOPICS.clicks, {"user_id": user, "item_id": item, "type": "click", "event_id": f"e{n}"}, n)


class Process:
    """One worker process over a store that outlives it. deadly: offsets over which it ends."""

    def __init__(
        self, store: MemoryStore, log: MemoryLog, deadly: Sequence[int], items: Mapping[str, Vector] = ITEMS
    ) -> None:
        self.log, self.deadly = log, set(deadly)
        self.store = MemoryStore(beside=store)
        self.quarantine = Quarantine(self.store)
        self.read: list[int] = []
        self.pipeline: Pipeline = memory_pipeline(self.store, log, items, guard=Guard(quarantine=self.quarantine))
        decoder = self.pipeline.decoder
        decoder.decode = self._deadly(decoder.decode)  # type: ignore[method-assign]
        decoder.read_again = self._deadly(decoder.read_again)  # type: ignore[method-assign]

    def _deadly(self, usual: Callable[[Record], Any]) -> Any:
        def read(each: Record) -> Any:
            self.read.append(each.offset)
            if each.offset in self.deadly:
                raise Killed
            return usual(each)

        return read

    async def start(self) -> int:
        """Acquire the partition. Returns where reading goes on."""
        stands = await self.store.acquire(0)
        await self.quarantine.acquired("0", 0, stands)
        self.pipeline.waiting.replace(0, await self.store.waiting(0))
        await self.pipeline.resume(0)
        return stands.get(TOPICS.clicks, 0)

    async def take_in(self, *records: Record) -> None:
        async for some in self.quarantine.marked(records, str):
            await self.pipeline.process(some)


async def live(process: Process, log: Sequence[Record], at_once: int) -> bool:
    """Run a process over the log until its end. Returns whether it came to that."""
    at = await process.start()
    try:
        for first in range(at, len(log), at_once):
            await process.take_in(*log[first : first + at_once])
    except Killed:
        return False
    return True


@pytest.mark.parametrize("at_once", [1, 7, 40])
async def test_the_third_process_puts_aside_what_ended_two(at_once: int) -> None:
    log, topic = MemoryLog(), [click(n) for n in range(40)]
    store = MemoryStore()

    ends = [await live(process := Process(store, log, [17]), topic, at_once) for _ in range(3)]

    assert ends == [False, False, True]
    assert 17 not in process.read
    (dead,) = log.dead()
    told = {name: value.decode() for name, value in dead.headers}
    assert (told["penchant.error"], told["penchant.offset"], dead.value) == ("quarantined", "17", topic[17].value)
    assert {made.user_id for made in log.lists()} == {f"u{n}" for n in range(40) if n != 17}


async def test_two_of_them_in_one_batch_cost_two_more_processes() -> None:
    log, topic = MemoryLog(), [click(n) for n in range(20)]
    store = MemoryStore()

    ends = [await live(Process(store, log, [5, 11]), topic, 20) for _ in range(5)]

    assert ends.index(True) == 4
    assert [dict(dead.headers)["penchant.offset"] for dead in log.dead()] == [b"5", b"11"]


async def test_a_process_that_is_killed_by_chance_condemns_nothing() -> None:
    """Given a batch that was under way when its process was killed, when it is read again, then all of it counts."""
    log, topic, store = MemoryLog(), [click(n) for n in range(20)], MemoryStore()
    assert not await live(Process(store, log, [12]), topic, 20)
    assert await live(Process(store, log, []), topic, 20)
    assert not await live(Process(store, log, [20]), [*topic, click(20)], 1)

    assert await live(Process(store, log, []), [*topic, click(20)], 20)

    assert log.dead() == []
    assert {made.user_id for made in log.lists()} == {f"u{n}" for n in range(21)}


async def test_who_was_frozen_and_comes_back_did_not_end() -> None:
    """Given a frozen process, and another that is slow over the same record, then neither ended, and it counts."""
    log, topic, store = MemoryLog(), [click(0)], MemoryStore()
    frozen, slow = Process(store, log, []), Process(store, log, [])
    await frozen.start()
    async for _ in frozen.quarantine.marked(topic, str):
        await slow.start()
        async for _ in slow.quarantine.marked(topic, str):
            break
        break

    assert await live(frozen, topic, 1)

    assert not log.dead()
    assert {made.user_id for made in log.lists()} == {"u0"}


async def test_of_one_that_lives_and_one_that_ended_only_one_did() -> None:
    """Given who was frozen over a record over which another ended then: it is read again, and only then two ended."""
    log, topic, store = MemoryLog(), [click(0)], MemoryStore()
    frozen = Process(store, log, [])
    await frozen.start()
    async for _ in frozen.quarantine.marked(topic, str):
        break
    assert not await live(Process(store, log, [0]), topic, 1)
    frozen.deadly.add(0)
    assert not await live(frozen, topic, 1)

    assert await live(third := Process(store, log, []), topic, 1)

    assert 0 not in third.read, "two ended over it by now"
    assert len(log.dead()) == 1


async def test_a_worker_that_gives_its_partitions_back_is_not_thought_dead() -> None:
    log, topic, store = MemoryLog(), [click(n) for n in range(3)], MemoryStore()
    for _ in range(2):
        first = Process(store, log, [1])
        assert not await live(first, topic, 1)
        await first.quarantine.given_back("0")

    last = Process(store, log, [])
    assert await live(last, topic, 1)
    assert log.dead() == []


async def test_what_waits_and_ends_two_processes_is_dead_lettered() -> None:
    log, store, items = MemoryLog(), MemoryStore(), dict[str, Vector]()
    first = Process(store, log, [], items)
    await first.start()
    await first.take_in(*(click(n) for n in range(5)))
    items |= ITEMS

    for _ in range(2):
        process = Process(store, log, [3], items)
        await process.start()
        with pytest.raises(Killed):
            await process.pipeline.on_items_available(["i1"])
    last = Process(store, log, [3], items)
    await last.start()
    await last.pipeline.on_items_available(["i1"])

    assert 3 not in last.read
    assert [dict(dead.headers)["penchant.error"] for dead in log.dead()] == [b"quarantined"]
    assert len(last.pipeline.waiting) == 0
    states = await last.store.load(0, [f"u{n}" for n in range(5)])
    assert [user for user, state in states.items() if not state.ring] == ["u3"]


async def test_lists_that_end_two_processes_are_left_out() -> None:
    """Given a list that kills whoever sends it, when two died, then the third worker goes on without it."""
    log, store = MemoryLog(), MemoryStore()

    def deadly(made: Outgoing) -> bool:
        if made.topic == TOPICS.recommendations and made.key == b"u1":
            raise Killed
        return False

    log.refuses = deadly
    first = Process(store, log, [])
    await first.start()
    with pytest.raises(Killed):
        await first.take_in(click(1))
    second = Process(store, log, [])
    with pytest.raises(Killed):
        await second.start()
    third = Process(store, log, [])
    await third.start()
    await third.take_in(click(2))

    assert [made.user_id for made in log.lists()] == ["u2"]


async def test_an_event_whose_list_ends_two_processes_while_it_is_made_is_put_aside() -> None:
    """Given an event after which no list can be made, when two died, then the third worker goes on without it."""
    log, store = MemoryLog(), MemoryStore()

    def deadly(process: Process) -> Process:
        rank = live_effects(process.pipeline).ranker

        def planted(users: Sequence[str], states: Sequence[object]) -> object:
            if "u1" in users:
                raise Killed
            return rank(users, states)  # type: ignore[arg-type]

        process.pipeline = with_parts(process.pipeline, ranker=planted)
        return process

    ends = [await live(deadly(Process(store, log, [])), [click(1), click(2)], 2) for _ in range(3)]

    assert ends == [False, False, True]
    assert [dict(dead.headers)["penchant.offset"] for dead in log.dead()] == [b"1"]
    assert [made.user_id for made in log.lists()] == ["u2"]


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\xa3abc", b"\x91" * 5000, b"\x94\xa1a\x00\xc2\x90"])
async def test_a_mark_that_cannot_be_read_keeps_nobody_from_starting(raw: bytes) -> None:
    store, log = MemoryStore(), MemoryLog()
    process = Process(store, log, [])
    await store.write_marks({"0": dict.fromkeys((TOPICS.clicks, WAITING, LISTS), raw)})
    await process.start()
    await process.take_in(click(0), click(1))
    assert {made.user_id for made in log.lists()} == {"u0", "u1"}
