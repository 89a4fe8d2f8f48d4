"""Fills an empty store from the log, so that workers can go on from there."""

from dataclasses import dataclass

from penchant.errors import Misconfigured, Unavailable
from stream.rebuild.item_vectors import ItemVectors
from stream.rebuild.log_reader import LogReader, Place
from stream.rebuild.rebuild import ReplaySource, Tell, make_replay
from stream.rebuild.reembed import ReembeddedItems
from stream.rebuild.store_reader import StoredKeys
from stream.store.base import Commit
from stream.store.redis import Store

__all__ = ["Restored", "fill"]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a replay wrote. truncated: place -> where its log begins, if not at 0."""

    events: int
    seconds: float
    users: int
    truncated: dict[Place, int]


async def check_empty(keys: StoredKeys) -> None:
    """Raises Misconfigured if any key stands under the prefix."""
    key = await keys.any()
    if key is not None:
        raise Misconfigured(
            f"the store under the prefix {keys.prefix!r} is not empty (there is {key.decode()!r}): name "
            "another with --into-prefix, or remove what a replay before this one left"
        )


async def fill(source: ReplaySource, store: Store, keys: StoredKeys, total: Tell, tell: Tell) -> Restored:
    """Replay all of the log into a store; its offsets are written last. keys: those of the store, none as yet.

    Raises Misconfigured and Unavailable.
    """
    await check_empty(keys)
    await store.adopt_fingerprint()
    async with LogReader(source.settings.brokers) as log:
        model = source.model
        vectors = ItemVectors(log, source.topics.item_vectors, model.dim, model.fingerprint)
        replay = make_replay(source, log, store, ReembeddedItems(log, source.topics, vectors, model.passages))
        places = source.places()
        starts, ends = await log.starts(places), await log.ends(places)
        # What owners sent each other is about the store that is gone; a replay sends it again, in memory.
        told = await log.ends([(source.topics.transfers, number) for number in range(source.partitions)])
        replay.positions |= starts
        total(sum(end - starts[place] for place, end in ends.items()))
        for number in range(source.partitions):
            await store.acquire(number)
        await replay.advance(ends, tell)
        await replay.pipeline.replay_misrouted()
        for number in range(source.partitions):
            reached = {**ends, **told}.items()
            offsets = {topic: end for (topic, partition), end in reached if partition == number and end}
            saved = await store.save(Commit(number, store.lease(number), offsets=offsets))
            if not saved.done:
                raise Unavailable(f"partition {number} of the store was acquired by a worker: stop it, and start again")
        truncated = {place: start for place, start in starts.items() if start}
        users = {(number, user) for number, users in (await keys.users()).items() for user in users}
        return Restored(replay.audit_notes.events, replay.seconds, len(users), truncated)
