"""Has the store go on where the log does, once a broker has lost the end of its log, also if that has grown since."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from kafka import TopicPartition

from deploy.topics.adopt import check_stopped
from serving.connections import Connections
from serving.kafka.admin import TopicLayout, ends_by_fetches, reader, topic_layout
from serving.kafka.brokers import Brokers
from serving.kafka.leader_epochs import ends_of_epochs

Place = tuple[str, int]  # topic and partition


@dataclass(frozen=True, slots=True)
class SetBack:
    """Where reading would have gone on, and where it goes on now."""

    before: int
    now: int


def set_back(settings: Connections, since_ms: int, *, force: bool = False) -> dict[Place, SetBack]:
    """Of partitions that lost what was read of them: read on from the first record of `since_ms` or later.

    Interests stay, also of the events that the broker lost. force: although the workers' group lists members. Raises
    `Unavailable`, and `Misconfigured` if topics are missing, or workers run.
    """
    from stream.store.topic_identity import put_offsets, stored_epochs, stored_offsets

    layout = topic_layout(settings.brokers, settings.topics)
    check_stopped(settings, force=force)
    of_users = (settings.redis, settings.keys, layout.partitions, _of_users(settings, layout))
    stands = asyncio.run(stored_offsets(*of_users))
    ends = ends_by_fetches(settings.brokers, stands) if stands else {}
    if epochs := asyncio.run(stored_epochs(*of_users)):
        theirs = ends_of_epochs(settings.brokers, epochs)
        ends = {place: min(end, theirs.get(place, end)) for place, end in ends.items()}
    lost = {place: stands[place] for place in stands if ends[place] < stands[place]}
    firsts = _first_since(settings.brokers, lost, since_ms) if lost else {}
    back = {place: SetBack(at, min(firsts.get(place, ends[place]), ends[place])) for place, at in lost.items()}
    offsets = {place: each.now for place, each in back.items()}
    asyncio.run(put_offsets(settings.redis, settings.keys, layout.identities, offsets))
    return back


def _of_users(settings: Connections, layout: TopicLayout) -> dict[str, str]:
    topics = settings.topics
    names = (topics.clicks, topics.reviews, topics.commands, topics.transfers)
    return {name: layout.identities[name] for name in names}


def _first_since(brokers: Brokers, places: Mapping[Place, int], since_ms: int) -> dict[Place, int]:
    """The first record of that time or later in each partition; none where there is none."""
    with reader(brokers) as consumer:
        told = consumer.offsets_for_times({TopicPartition(*place): since_ms for place in places})
    return {(tp.topic, tp.partition): found.offset for tp, found in told.items() if found is not None}
