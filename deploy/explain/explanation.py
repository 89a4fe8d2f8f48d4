"""Reads what a list is made from, as it stands on the topics and in the store now, and explains it. Writes nothing."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from penchant.messages import ItemVector
from penchant.partitioner import partition_of
from serving.catalogue import Catalogue
from serving.experiment import read
from serving.kafka.admin import TopicLayout, read_topic, topic_layout
from serving.model.artifact import open_artifact
from serving.ranking.covisit_messages import readable
from serving.ranking.ranker import Ranker
from serving.ranking.reasons.told import Explanation
from serving.ranking.rules import Rules
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState, decode
from stream.processing.variants import rankers_over
from stream.rebuild.store_reader import LiveStore
from stream.settings import WorkerSettings
from stream.store.redis_calls import connect
from stream.store.shared_blend import SharedBlend
from stream.store.statistics_snapshots import open_snapshots
from stream.tasks.blend_learning import BlendLearner


@dataclass(frozen=True, slots=True)
class Explained:
    """A user's list, item by item. `user_id`: whose it is: of an alias, the user whom it was merged into."""

    user_id: str
    items: list[Explanation]

    def told(self) -> dict[str, Any]:
        """For programs."""
        told: dict[str, Any] = msgspec.to_builtins({"user_id": self.user_id, "items": self.items})
        return told


async def explain(settings: WorkerSettings, user: str, item_id: str | None, k: int) -> Explained | None:
    """Explain a user's first `k` items, or one item; `items` is empty if that is unknown. None: the user is unknown.

    Raises Misconfigured if topics are missing or the model cannot be used, and Unavailable.
    """
    layout = topic_layout(settings.brokers, settings.topics)
    artifact = open_artifact(settings.model)
    catalogue = Catalogue(artifact.dim, artifact.fingerprint)
    statistics = Statistics(catalogue, layout.identities, pair_users=settings.pair_users)
    await _restore_statistics(settings, statistics)
    found = await _find(settings, user, layout, artifact.fingerprint)
    if found is None:
        return None
    for record in read_topic(settings.brokers, settings.topics.item_vectors):
        if record.key is not None:
            _add_item(catalogue, record.key, record.value)
    user_id, state = found
    return Explained(user_id, (await _ranker(settings, catalogue, statistics, user_id)).explain(state, k, item_id))


async def _restore_statistics(settings: WorkerSettings, statistics: Statistics) -> None:
    """Item statistics: the snapshot, and what came since."""
    topic = settings.topics.covisits
    async with open_snapshots(settings.redis, settings.keys) as stored:
        snapshot = await stored.read()
    since = 0
    if snapshot is not None:
        statistics.restore(snapshot)
        since = snapshot.reached if statistics.follows(snapshot, topic) else 0
    for message in readable(record.value for record in read_topic(settings.brokers, topic, since)):
        statistics.apply(message)
    statistics.refit()


async def _find(
    settings: WorkerSettings, user: str, layout: TopicLayout, fingerprint: str
) -> tuple[str, UserState] | None:
    """Whose state speaks for a user, and the state."""
    live = LiveStore(settings.redis, settings.keys, layout.identities, settings.retention())
    try:
        while True:
            look = await live.look(partition_of(user, layout.partitions), [user])
            record = look.records[user]
            if record is None:
                return None
            state = decode(record, fingerprint)
            if state.alias is None:
                return user, state
            user = state.alias.target  # chains have length one: the target is no alias
    finally:
        await live.close()


def _add_item(catalogue: Catalogue, key: bytes, value: bytes | None) -> None:
    if value is None:
        catalogue.remove(key.decode(errors="replace"))
        return
    with suppress(msgspec.DecodeError, ValueError):  # no worker wrote it: they leave it out as well
        item = msgspec.json.decode(value, type=ItemVector)
        if item.fingerprint == catalogue.fingerprint:
            catalogue.put(item)


async def _ranker(settings: WorkerSettings, catalogue: Catalogue, statistics: Statistics, user: str) -> Ranker:
    """As a worker has it for this user, with the weights that were learned."""
    preferences = settings.ranking()
    if settings.experiment is not None:
        preferences = read(settings.experiment).of(user).ranking(preferences)
    ranker = rankers_over(catalogue, statistics, Rules(catalogue, settings.list_rules))(preferences, None)
    redis = connect(settings.redis)
    try:
        await BlendLearner(ranker, catalogue, lambda: False).exchange(SharedBlend(redis, settings.keys))
    finally:
        await redis.aclose()
    return ranker
