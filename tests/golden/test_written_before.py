"""A store and a log as a worker left them on 28 November 2026: every later build reads both to the same users.

`written_before.json` holds records and keys of that run: disorder, two merges, an erasure, retractions, events that
wait. If a test here fails, something on the wire or in the store was renamed: read both, and keep this file.
"""

import asyncio
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import redis
import redis.asyncio as asynchronous_redis
from kafka import KafkaProducer

from deploy.topics.create import create_topics
from penchant.messages import Receipt, RecommendationList
from penchant.topics import Topics
from serving.ranking import snapshots
from serving.ranking.statistics import StatisticsSnapshot
from serving.state.user_state import Vector
from stream.events.records import Record
from stream.events.transfers import Confirm, Handoff, Request, read
from stream.rebuild.audit import verify
from stream.rebuild.audit_report import Report
from stream.rebuild.rebuild import Model, ReplaySource
from stream.rebuild.store_reader import LiveStore
from stream.settings import WorkerSettings
from tests.conftest import Broker

pytestmark = pytest.mark.kafka
Before = Mapping[str, Any]


@pytest.fixture(scope="module")
def before() -> Before:
    made: Before = json.loads(Path(__file__).with_name("written_before.json").read_text("utf-8"))
    return made


def opened(value: str | None) -> bytes | None:
    return None if value is None else b64decode(value)


def records(before: Before, topic: str) -> Iterator[Record]:
    of_topic = (each for each in before["log"] if each[0] == topic)
    for offset, (_, partition, timestamp, key, value, headers) in enumerate(of_topic):
        full = ((name, b64decode(data)) for name, data in headers)
        name = f"{before['prefix']}.{topic}"
        yield Record(name, partition, offset, timestamp, opened(key), opened(value), tuple(full))


def write_log(before: Before, bootstrap: str) -> None:
    create_topics(bootstrap, Topics(before["prefix"]), before["partitions"], replication=1)
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for topic, partition, timestamp, key, value, headers in before["log"]:
        producer.send(
            f"{before['prefix']}.{topic}",
            opened(value),
            opened(key),
            [(name, b64decode(data)) for name, data in headers],
            partition,
            timestamp,
        )
    producer.close()


def write_store(before: Before, client: redis.Redis) -> None:
    for name, (kind, held) in before["store"].items():
        key = name.replace("PREFIX", before["prefix"])
        client.delete(key)
        if kind == "string":
            client.set(key, b64decode(held))
        elif kind == "hash":
            client.hset(key, mapping={b64decode(field): b64decode(value) for field, value in held})
        elif kind == "zset":
            client.zadd(key, {b64decode(member): score for member, score in held})
        else:
            client.sadd(key, *map(b64decode, held))


def weights_of_then(folder: Path) -> Path:
    """A weights file as it was in force: a review that blames took nothing away."""
    path = folder / "weights.toml"
    shipped = Path("stream/events/weights.toml").read_text("utf-8")
    assert "blame = 4.0" in shipped
    path.write_text(shipped.replace("blame = 4.0", "blame = 0.0"), "utf-8")
    return path


def source_of(before: Before, bootstrap: str, redis_url: str, weights: Path) -> ReplaySource:
    """Of its own model folder, which made these vectors of the texts on the log."""
    vectors = {text: np.frombuffer(b64decode(of), np.float16) for text, of in before["vectors"].items()}

    async def embed(texts: Sequence[str]) -> Mapping[str, Vector]:
        return {text: vectors[text].astype(np.float32) for text in texts}

    settings = WorkerSettings(bootstrap=bootstrap, redis=redis_url, prefix=before["prefix"], weights=weights)
    identities = {f"{before['prefix']}.{topic}": identity for topic, identity in before["identities"].items()}
    model = Model(before["fingerprint"], before["dim"], embed, passages=embed)  # no text of an item is read
    return ReplaySource(settings, identities, before["partitions"], model)


async def verified(source: ReplaySource) -> Report:
    settings = source.settings
    live = LiveStore(settings.redis, settings.keys, source.identities, settings.retention())
    try:
        return await verify(source, live, lambda _: None, lambda _: None)
    finally:
        await live.close()


def test_the_store_of_before_is_what_the_log_of_before_makes(
    before: Before, broker: Broker, redis_url: str, tmp_path: Path
) -> None:
    write_log(before, broker.bootstrap)
    with redis.Redis.from_url(redis_url) as client:
        write_store(before, client)

    report = asyncio.run(verified(source_of(before, broker.bootstrap, redis_url, weights_of_then(tmp_path))))

    assert report.findings == []
    assert report.users == 8
    assert report.events == 238
    assert report.items is not None


async def taken_over(before: Before, redis_url: str) -> StatisticsSnapshot | None:
    async with asynchronous_redis.from_url(redis_url) as client:
        return await snapshots.read(client, before["prefix"])


def test_interactions_of_everybody_before_are_taken_over(before: Before, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        write_store(before, client)

    snapshot = asyncio.run(taken_over(before, redis_url))

    assert snapshot is not None
    assert set(snapshot.ids) == {f"f{n}" for n in range(8)} | {"unknown"}


def test_what_was_published_before_is_read(before: Before) -> None:
    lists = list(records(before, "recommendations.v1"))
    receipts = list(records(before, "receipts.v1"))
    transfers = {type(read(record).message) for record in records(before, "transfers.v1")}

    assert [each.key for each in lists if each.value is None] == [b"u7"]
    assert all(msgspec.json.decode(each.value, type=RecommendationList).items for each in lists if each.value)
    assert {msgspec.json.decode(each.value or b"", type=Receipt).command_id for each in receipts} >= {"e", "m1", "m2"}
    assert transfers >= {Request, Handoff, Confirm}
