"""Follows one user's lists on the output topic."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from kafka import TopicPartition

from penchant.errors import Misconfigured
from penchant.kafka.blocking import BlockingConsumer
from penchant.partitioner import partition_of
from penchant.topics import Topics
from serving.kafka.admin import end_offsets, partitions_of, reader
from serving.kafka.brokers import AnyBrokers

_ListMessage = dict[str, Any]  # a message of recommendations.v1, as decoded; None stands for an erased user's


class _ListReason(msgspec.Struct):
    share: float
    words: str


class _ListItem(msgspec.Struct):
    item_id: str
    score: float
    source: str
    reasons: list[_ListReason] = []


class _ListCause(msgspec.Struct):
    event_time: datetime


class _List(msgspec.Struct):
    """What is read of a list in order to print it."""

    version: int
    generated_at: datetime
    path: str
    items: list[_ListItem]
    cause: _ListCause | None = None


def watch_lists(
    brokers: AnyBrokers, topics: Topics, user: str, timeout_s: float | None, *, with_titles: bool
) -> Iterator[tuple[_ListMessage | None, Mapping[str, str]]]:
    """Yield the newest list of a user, then each newer one, with the titles known by then.

    Reads the user's partition (murmur2 of the key, as the worker partitions) from its start, and item-vectors.v1 for
    the titles. Ends after `timeout_s`. Raises `Misconfigured` if the topic is missing, `Unavailable`.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    with reader(brokers) as consumer:
        lists = _partition_of(consumer, topics, user)
        catalogue = partitions_of(consumer, topics.item_vectors) if with_titles else []
        ends = end_offsets(consumer, [lists, *catalogue])
        consumer.seek_to_beginning(*ends)
        titles: dict[str, str] = {}
        newer: list[_ListMessage | None] = []
        version = -1
        behind = True
        while deadline is None or time.monotonic() < deadline:
            for partition, records in consumer.poll(timeout_ms=200).items():
                if partition != lists:
                    titles.update(_titles(records))
                    continue
                for value in _lists(records, user):
                    told = version + 1 if value is None else value["version"]
                    if told > version:  # a lower one comes from a worker that had lost its partition
                        version = told
                        newer = [value] if behind else [*newer, value]
            behind = behind and any(consumer.position(partition) < end for partition, end in ends.items())
            if not behind:
                yield from ((value, titles) for value in newer)
                newer.clear()


def _partition_of(consumer: BlockingConsumer, topics: Topics, user: str) -> TopicPartition:
    partitions = partitions_of(consumer, topics.recommendations)
    if not partitions:
        raise Misconfigured(
            f"the topic {topics.recommendations} is missing, or this user may not see it: "
            "create it with `penchant topics create`, or check --prefix"
        )
    return partitions[partition_of(user, len(partitions))]


def _lists(records: list[Any], user: str) -> Iterator[_ListMessage | None]:
    """The lists of a user among these; what is no list is none of a worker's, and left out."""
    for record in records:
        if record.key != user.encode():
            continue
        if record.value is None:
            yield None
        elif (value := _decoded(record.value)) is not None:
            try:
                msgspec.convert(value, _List)
            except msgspec.ValidationError:
                continue
            yield value


def _titles(records: list[Any]) -> dict[str, str]:
    """Map item id to title; an item that was removed keeps the title it had."""
    told = {record.key: _decoded(record.value) for record in records if record.key and record.value}
    return {key.decode(errors="replace"): str(item.get("title", "")) for key, item in told.items() if item is not None}


def _decoded(value: bytes) -> dict[str, Any] | None:
    """A JSON object; None if it is none."""
    try:
        return msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
