"""Where the records end that a partition's earlier leaders wrote: who read further read what is gone from the log.

A leader counts its reign, its epoch, into each batch that it writes (Kafka's KIP-101, KIP-320).
"""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kafka import TopicPartition
from kafka.errors import IncompatibleBrokerVersion, LeaderNotAvailableError, for_code
from kafka.protocol.consumer import OffsetForLeaderEpochRequest

from penchant.kafka.blocking import BlockingConsumer
from serving.kafka.admin import end_offsets, reader
from serving.kafka.brokers import AnyBrokers

__all__ = ["ends_of_epochs"]

_CONSUMER = -1  # in the place of a replica's id
_Topic = OffsetForLeaderEpochRequest.OffsetForLeaderTopic
Place = tuple[str, int]  # topic and partition


def ends_of_epochs(brokers: AnyBrokers, epochs: Mapping[Place, int]) -> dict[Place, int]:
    """Where, on the logs of today's leaders, the records end that leaders up to these epochs wrote; blocks.

    A partition whose leader knows nothing of it is left out, and all where the broker cannot be asked that. Raises
    `Unavailable`.
    """
    asked = {TopicPartition(*place): epoch for place, epoch in epochs.items()}
    with reader(brokers) as consumer:
        end_offsets(consumer, list(asked))  # which finds the leaders
        by_leader: defaultdict[int, list[TopicPartition]] = defaultdict(list)
        for partition in asked:
            by_leader[_leader(consumer, partition)].append(partition)
        found: dict[Place, int] = {}
        with suppress(IncompatibleBrokerVersion):
            for leader, partitions in by_leader.items():
                found |= _ask(consumer, leader, {partition: asked[partition] for partition in partitions})
    return found


def _leader(consumer: BlockingConsumer, partition: TopicPartition) -> int:
    leader: int | None = consumer._cluster.leader_for_partition(partition)
    if leader is None or leader < 0:
        raise LeaderNotAvailableError(f"{partition.topic}-{partition.partition} has no leader")
    return leader


def _ask(consumer: BlockingConsumer, leader: int, epochs: Mapping[TopicPartition, int]) -> dict[Place, int]:
    topics: defaultdict[str, list[Any]] = defaultdict(list)
    for partition, epoch in epochs.items():
        one = _Topic.OffsetForLeaderPartition(partition=partition.partition, leader_epoch=epoch)
        topics[partition.topic].append(one)
    request = OffsetForLeaderEpochRequest(replica_id=_CONSUMER, topics=list(topics.items()))

    async def answered() -> Any:
        return await consumer._manager.send(request, node_id=leader)

    found: dict[Place, int] = {}
    for topic in consumer._manager.run(answered).topics:
        for part in topic.partitions:
            if part.error_code:
                raise for_code(part.error_code)
            if part.end_offset >= 0:
                found[topic.topic, part.partition] = part.end_offset
    return found
