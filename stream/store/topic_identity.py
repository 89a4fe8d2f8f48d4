"""Are the offsets in the store of these topics, or of others that had their names? And how new topics are adopted.

Offsets stand in the store under `topic@identity` (stream/store/redis.py; serving/kafka/admin.py says what it
is). A topic that was created again begins at offset 0: taken for the old one, its events would be skipped up to
where the old one had been read. So a worker refuses to start until a person, or `penchant local` for a broker of its
own, says that the new topics are meant.
"""

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from penchant.errors import Misconfigured, PenchantError, Unavailable
from penchant.partitioner import partition_of
from serving.state.keyspace import Keyspace
from stream.store.redis_calls import RedisCalls, connect

_LOOKED_AT = 1000  # users whose partition is compared: with another count, half of them or more lie elsewhere


async def check_identities(redis_url: str, prefix: str, partitions: int, identities: Mapping[str, str]) -> None:
    """Find whether the store holds offsets of other topics that had these names. `identities`: topic -> identity.

    Raises Misconfigured if it does, or does not answer, and Unavailable if it answers for a minute that it cannot.
    """
    async with _connected(redis_url) as redis:
        stored = await _foreign(redis, prefix, partitions, identities)
    if topics := sorted({topic for fields in stored.values() for topic, _ in fields}):
        raise Misconfigured(
            f"the store's offsets are of other topics that had the names {', '.join(topics)}: if created again, "
            "`penchant topics adopt` keeps the interests and begins at their start; if not, this is another "
            "system's store or broker: check --redis, --bootstrap and --prefix"
        )


async def adopt_topics(
    redis_url: str, prefix: str, partitions: int, identities: Mapping[str, str]
) -> dict[str, list[str]]:
    """Forget the offsets of topics that were created again; interests stay. Returns topic -> identities forgotten.

    In every partition the owner's token is replaced in the same transaction, so that a worker which knew the old topics
    is refused whatever it still writes, and the new topics stand there at offset 0, so that it cannot acquire the
    partition again (`Store.acquire`). Raises Unavailable; Misconfigured if the users in the
    store were spread over another number of partitions: their states would not be found.
    """
    async with _connected(redis_url) as redis:
        stored = await _foreign(redis, prefix, partitions, identities, missing=Unavailable)
        if stored:
            await _check_spread(redis, prefix, partitions)
        anew = {f"{topic}@{identities[topic]}" for fields in stored.values() for topic, _ in fields}
        for partition in range(partitions) if stored else ():
            offsets = Keyspace(prefix).of(partition, "offsets")
            transaction = redis.pipeline(transaction=True)
            transaction.set(Keyspace(prefix).of(partition, "owner"), f"adopt-{secrets.token_hex(8)}")
            if partition in stored:
                transaction.hdel(offsets, *("@".join(field) for field in stored[partition]))
            for name in anew:
                transaction.hsetnx(offsets, name, 0)
            await RedisCalls().ask_first(transaction.execute, Unavailable)
    forgotten: defaultdict[str, set[str]] = defaultdict(set)
    for topic, identity in (field for fields in stored.values() for field in fields):
        forgotten[topic].add(identity)
    return {topic: sorted(forgotten[topic]) for topic in sorted(forgotten)}


async def stored_offsets(
    redis_url: str, prefix: str, partitions: int, identities: Mapping[str, str]
) -> dict[tuple[str, int], int]:
    """The next offset of each topic and partition, where one is stored. Raises Unavailable, and Misconfigured."""
    fields = Keyspace(prefix, identities).fields()

    async with _connected(redis_url) as redis:

        async def read() -> list[list[bytes | None]]:
            together = redis.pipeline(transaction=False)
            for partition in range(partitions):
                together.hmget(Keyspace(prefix).of(partition, "offsets"), list(fields.values()))
            answers: list[list[bytes | None]] = await together.execute()
            return answers

        answers = await RedisCalls().ask_first(read, Unavailable)
    return {
        (topic, partition): int(offset)
        for partition, offsets in enumerate(answers)
        for topic, offset in zip(fields, offsets, strict=True)
        if offset is not None
    }


async def stored_epochs(
    redis_url: str, prefix: str, partitions: int, identities: Mapping[str, str]
) -> dict[tuple[str, int], int]:
    """The newest leader's epoch that was read of each topic and partition, where one is known. Raises as above."""
    fields = Keyspace(prefix, identities).fields()
    async with _connected(redis_url) as redis:

        async def read() -> list[list[tuple[bytes, float]]]:
            together = redis.pipeline(transaction=False)
            for partition in range(partitions):
                together.zrange(Keyspace(prefix).of(partition, "epochs"), 0, -1, withscores=True)
            answers: list[list[tuple[bytes, float]]] = await together.execute()
            return answers

        answers = await RedisCalls().ask_first(read, Unavailable)
    return {
        (topic, partition): int(epoch)
        for partition, stored in enumerate(answers)
        for name, epoch in stored
        for topic, field in fields.items()
        if field.encode() == name
    }


async def put_offsets(
    redis_url: str, prefix: str, identities: Mapping[str, str], offsets: Mapping[tuple[str, int], int]
) -> None:
    """Have reading go on from these offsets, and refuse what a worker still writes that knew others."""
    keyspace = Keyspace(prefix, identities)
    fields = keyspace.fields()
    async with _connected(redis_url) as redis:
        for (topic, partition), offset in offsets.items():
            transaction = redis.pipeline(transaction=True)
            transaction.set(keyspace.of(partition, "owner"), f"adopt-{secrets.token_hex(8)}")
            transaction.hset(keyspace.of(partition, "offsets"), fields[topic], offset)
            await RedisCalls().ask_first(transaction.execute, Unavailable)


async def _foreign(
    redis: Any,
    prefix: str,
    partitions: int,
    identities: Mapping[str, str],
    missing: type[PenchantError] = Misconfigured,
) -> dict[int, list[tuple[str, str]]]:
    """Partition -> topic and identity of each offset that is stored for a known name under another identity.

    missing: what is raised of a store that does not answer.
    """

    async def read() -> list[Iterable[bytes]]:
        together = redis.pipeline(transaction=False)
        for partition in range(partitions):
            together.hkeys(Keyspace(prefix).of(partition, "offsets"))
        answers: list[Iterable[bytes]] = await together.execute()
        return answers

    answers = await RedisCalls().ask_first(read, missing)
    found: dict[int, list[tuple[str, str]]] = {}
    for partition, fields in enumerate(answers):
        named = (field.decode().partition("@") for field in fields)  # Kafka allows no @ in a name
        foreign = [(topic, identity) for topic, _, identity in named if identities.get(topic, identity) != identity]
        if foreign:
            found[partition] = foreign
    return found


async def _check_spread(redis: Any, prefix: str, partitions: int) -> None:
    looked_at = 0
    async for key in RedisCalls().keys(redis, f"{{{prefix}:*}}:u:*"):
        head, _, user = key.partition(b"}:u:")
        if int(head.rpartition(b":")[2]) != partition_of(user, partitions):
            raise Misconfigured(
                f"the store's users are not spread over {partitions} partitions, which the topics have now: make the "
                "topics with as many as before, or use another --prefix and replay"
            )
        looked_at += 1
        if looked_at == _LOOKED_AT:
            return


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    redis = connect(url)
    try:
        yield redis
    finally:
        await redis.aclose()
