"""One user's state rebuilt from the log, while the worker runs: the store's record of it is broken.

Of the partitions of that user, and of whoever was merged into that user, all records are read up to the store's
offsets, and only theirs are processed. That takes as long as reading does, some 100,000 records a second. What an
alias's owner has forwarded and this user's has not processed yet stands on `transfers.v1`, beyond the store's offsets:
it comes from there.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from penchant.errors import Rejected
from penchant.partitioner import partition_of
from serving.state.user_state import UserState
from stream.events.decoder import CommandEvent
from stream.events.records import Record
from stream.events.transfers import Forwarded, read
from stream.rebuild.item_vectors import Items
from stream.rebuild.log_reader import LogReader, Place
from stream.rebuild.memory_store import MemoryUsers
from stream.rebuild.rebuild import Replay, ReplaySource, make_replay
from stream.rebuild.store_reader import LiveStore
from stream.retry import Retries
from stream.store.redis_calls import RedisCalls

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StateRepair:
    """See the module. on_repaired: told of each, for the metrics. retries: of the worker."""

    source: ReplaySource
    items: Items
    on_repaired: Callable[[], None]
    retries: Retries

    async def __call__(self, partition: int, user: str) -> UserState:
        """The state of a user, as the log makes it. Raises Unavailable."""
        users = MemoryUsers(self.source.model.fingerprint)
        with self.retries.taking_long():
            async with LogReader(self.source.settings.brokers) as log:
                replay = make_replay(self.source, log, users, self.items)
                await self._replay(log, replay, user)
        self.on_repaired()
        return users.state(partition, user)

    async def _replay(self, log: LogReader, replay: Replay, user: str) -> None:
        ends, transfers = await self._ends()
        starts = await log.starts(ends)
        replay.positions |= starts
        merges = await self._merges(log, replay, {place: (starts[place], end) for place, end in ends.items()})
        people = _one_person(user, merges)
        keys = {each.encode() for each in people}
        homes = {partition_of(each, self.source.partitions) for each in people}
        theirs = {place: end for place, end in ends.items() if place[1] in homes}
        if any(starts[place] for place in theirs):
            _log.error("retention has cut the log's start: what that user did before is not in the new state")
        under_way = await self._under_way(log, {place: at for place, at in transfers.items() if place[1] in homes})

        def wanted(record: Record) -> bool:
            place = (record.topic, record.partition, record.offset)
            return (record.key is None or record.key in keys) and place not in under_way

        await replay.advance(theirs, wanted=wanted)

    async def _under_way(self, log: LogReader, begins: dict[Place, int]) -> set[tuple[str, int, int]]:
        """The records, by topic, partition and offset, that were forwarded from these offsets of `transfers.v1` on.

        To be read after the store's offsets: what is forwarded is sent before the offset it came from is saved.
        """
        starts, ends = await log.starts(begins), await log.ends(begins)
        found: set[tuple[str, int, int]] = set()
        async for records in log.read({place: (max(begins[place], starts[place]), ends[place]) for place in begins}):
            for record in records:
                with suppress(Rejected):
                    if isinstance(passed := read(record).message, Forwarded):
                        found.add((passed.topic, passed.partition, passed.offset))
        return found

    async def _merges(
        self, log: LogReader, replay: Replay, spans: dict[Place, tuple[int, int]]
    ) -> list[tuple[str, str]]:
        """Who was merged with whom."""
        found: list[tuple[str, str]] = []
        commands = {place: span for place, span in spans.items() if place[0] == self.source.topics.commands}
        async for records in log.read(commands):
            for record in records:
                found += _merge_of(record, replay)
        return found

    async def _ends(self) -> tuple[dict[Place, int], dict[Place, int]]:
        """How far the store's states stand for the input topics, and for what owners tell each other."""
        settings, source = self.source.settings, self.source
        calls = RedisCalls(self.retries)
        store = LiveStore(settings.redis, settings.keys, source.identities, settings.retention(), calls)
        try:
            looks = [await store.look(number, []) for number in range(source.partitions)]
        finally:
            await store.close()
        offsets = {place: offset for look in looks for place, offset in look.offsets.items()}
        transfers = [(source.topics.transfers, number) for number in range(source.partitions)]
        return (
            {place: offsets.get(place, 0) for place in source.places()},
            {place: offsets.get(place, 0) for place in transfers},
        )


def _one_person(user: str, merges: Iterable[tuple[str, str]]) -> set[str]:
    """All ids that merges join with a user's.

    >>> sorted(_one_person("b", [("a", "b"), ("c", "d"), ("e", "a")]))
    ['a', 'b', 'e']
    """
    people, links = {user}, list(merges)
    while joined := {each for link in links if people.intersection(link) for each in link} - people:
        people |= joined
    return people


def _merge_of(record: Record, replay: Replay) -> list[tuple[str, str]]:
    with suppress(Rejected):
        event = replay.pipeline.intake.decoder.decode(record)
        if isinstance(event, CommandEvent) and event.command.type == "merge" and event.command.anonymous_id:
            return [(event.user_id, event.command.anonymous_id)]
    return []
