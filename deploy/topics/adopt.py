"""Makes a kept store accept topics that were created again under their old names."""

import asyncio
from dataclasses import dataclass

from penchant.errors import Misconfigured
from serving.connections import Connections
from serving.kafka.admin import topic_layout


@dataclass(frozen=True, slots=True)
class Adopted:
    """What `adopt` did: topic -> the identities whose offsets were forgotten; and topic -> the one that counts now."""

    forgotten: dict[str, list[str]]
    identities: dict[str, str]


def adopt(settings: Connections, *, force: bool = False) -> Adopted:
    """Forget the offsets of topics that are no more; interests stay, and workers begin at the new topics' start.

    force: although the workers' group lists members. Raises `Unavailable`; `Misconfigured` if topics are missing or
    unequal, if workers run, or if the topics have another number of partitions than those before.
    """
    from stream.store.topic_identity import adopt_topics

    layout = topic_layout(settings.brokers, settings.topics)
    check_stopped(settings, force=force)
    forgotten = asyncio.run(adopt_topics(settings.redis, settings.keys, layout.partitions, layout.identities))
    return Adopted(forgotten, layout.identities)


def check_stopped(settings: Connections, *, force: bool) -> None:
    """Raise Misconfigured if the workers' group has members, unless `force`; Unavailable."""
    from stream.kafka.group_members import group_members

    group = f"{settings.keys}-worker"
    if not force and (members := asyncio.run(group_members(settings.brokers, group))):
        raise Misconfigured(
            f"the group {group} has {members} members: stop the workers first. One that was killed stays listed until "
            "its session has passed, and on the embedded broker every one does: if none runs any more, say --force"
        )
