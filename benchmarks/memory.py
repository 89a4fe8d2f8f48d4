"""What a user takes in Redis: the difference of `used_memory`, by parts, through the store that workers use.

    python -m benchmarks.memory --users 10000 --id-bytes 8

Every user has a full ring (20 events), a full set of dedup ids (64) and a long vector; then, apart, the vectors of 8
recent texts, a seen set of 2,000 items, 256 impressions, and 256 purchases. Ids of users, events and items have the
same length. The store is an embedded redis-server of its own, or an empty one that is named. No event is pending, and
no list is unpublished.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from redis import Redis
from rich.console import Console
from rich.progress import track
from rich.table import Table

from deploy.local.services import start_store
from serving.state.user_state import (
    IMPRESSIONS,
    RECENT_TEXTS,
    RING,
    SEEN,
    EventKind,
    RecentText,
    RingEvent,
    UserState,
    encode,
)
from stream.interest.fold import Bounds
from stream.store.base import Commit, Retention
from stream.store.redis import Store

_PREFIX, PARTITIONS, _AT_ONCE = "penchant", 4, 256
_BOUNDS = Bounds()
NOW_MS = 1_795_341_600_000  # 22 November 2026
COMPONENTS = {
    "ring, counters, dedupe": "long vector, ring of 20 events, 64 dedup ids",
    "texts": "vectors of 8 recent texts, float16",
    "seen": "seen set of 2,000 items",
    "impressions": "256 impressions, for fatigue",
    "purchases": "256 purchases, for what is bought again",
}


def names(kind: str, user: int, count: int, length: int) -> list[str]:
    """Ids of `length` bytes, different from each other and from those of other users."""
    return [f"{kind}{user * count + n:0{length - 1}d}" for n in range(count)]


def _full_state(user: int, length: int, dim: int, parts: int) -> UserState:
    """A user who has the first `parts` of `COMPONENTS`."""
    random = np.random.default_rng(user)
    events, items = names("e", user, RING, length), names("i", user % 1000, RING, length)
    dedup_ids = random.integers(0, 2**48, _BOUNDS.dedup_ids).tolist()
    ring = [
        RingEvent(NOW_MS + n, event, hashed, item, int(EventKind.CLICK), 0.25, 0.5, seen=True)
        for n, (event, item, hashed) in enumerate(zip(events, items, dedup_ids[-RING:], strict=True))
    ]
    state = UserState(
        long=random.standard_normal(dim).astype(np.float32),
        reference_ms=NOW_MS,
        event_count=_BOUNDS.dedup_ids,
        ring=ring,
        dedup_ids=dedup_ids,
        list_version=NOW_MS,
    )
    if parts > 1:
        vectors = random.standard_normal((RECENT_TEXTS, dim)).astype(np.float16)
        state.texts = [
            RecentText(NOW_MS + n, event, "", 1.0, vector.tobytes())
            for n, (event, vector) in enumerate(zip(events, vectors, strict=False))
        ]
    if parts > 2:
        state.seen = np.zeros(_BOUNDS.seen, SEEN)
        state.seen["item"] = random.choice(2**32, _BOUNDS.seen, replace=False)
        state.seen["time_s"], state.seen["count"] = NOW_MS // 1000, 1
    if parts > 3:
        state.impressions = np.zeros(_BOUNDS.impressions, IMPRESSIONS)
        state.impressions["id"], state.impressions["item"] = random.integers(0, 2**32, (2, _BOUNDS.impressions))
        state.impressions["time_s"] = NOW_MS // 1000
    if parts > 4:
        state.purchases = state.impressions.copy()
    return state


def batches(users: int) -> Iterator[tuple[int, range]]:
    """Partition -> the users of one write."""
    share = -(-users // PARTITIONS)
    for partition in range(PARTITIONS):
        mine = range(partition * share, min((partition + 1) * share, users))
        yield from ((partition, mine[i : i + _AT_ONCE]) for i in range(0, len(mine), _AT_ONCE))


async def _write_users(url: str, users: int, length: int, dim: int, parts: int) -> None:
    """Write the users through the real store."""
    store = Store(url, _PREFIX, "e5s-00000000", {}, Retention(180 * 86_400))
    for partition in range(PARTITIONS):
        await store.acquire(partition)
    for partition, some in track(list(batches(users)), f"{parts} of {len(COMPONENTS)}", console=Console(stderr=True)):
        states = {names("u", n, 1, length)[0]: _full_state(n, length, dim, parts) for n in some}
        await store.save(Commit(partition, store.lease(partition), states))
    await store.close()


@contextmanager
def server(url: str | None) -> Iterator[str]:
    """The address of an empty Redis: an embedded one, or the one at `url`, which is emptied again at the end."""
    if url is None:
        with tempfile.TemporaryDirectory() as folder:
            embedded = start_store(Path(folder))
            try:
                yield embedded.url
            finally:
                embedded.stop()
        return
    with Redis.from_url(url) as redis:
        if redis.dbsize():
            raise click.UsageError(
                f"{url} is not empty: name a Redis that holds nothing, it is filled and emptied here"
            )
    try:
        yield url
    finally:
        with Redis.from_url(url) as redis:
            redis.flushdb()


def used_memory(redis: Any) -> int:
    """Bytes in use once every other client is gone, whose buffers would count: each writer hangs up before."""
    deadline = time.monotonic() + 10.0
    while redis.info("clients")["connected_clients"] > 1:
        if time.monotonic() > deadline:
            raise click.ClickException("others are connected to this Redis: what they do would be counted")
        time.sleep(0.01)
    return int(redis.info("memory")["used_memory"])


def _measure(url: str, users: int, length: int, dim: int) -> dict[str, Any]:
    """Fill an empty store part by part. Returns what is printed."""
    used: list[int] = []
    with Redis.from_url(url) as redis:
        asyncio.run(_write_users(url, 1, length, dim, 1))  # connections, scripts
        redis.flushdb()
        used.append(used_memory(redis))
        for parts in range(1, len(COMPONENTS) + 1):
            asyncio.run(_write_users(url, users, length, dim, parts))
            used.append(used_memory(redis))
        about = {"redis": redis.info("server")["redis_version"], "allocator": redis.info("memory")["mem_allocator"]}
    each = {part: (after - before) / users for part, before, after in zip(COMPONENTS, used, used[1:], strict=False)}
    record = len(encode(_full_state(0, length, dim, 1), "e5s-00000000"))
    return {"users": users, "id_bytes": length, "dim": dim, **about, "record_bytes": record, "bytes_per_user": each}


@click.command(epilog="Example: python -m benchmarks.memory --users 10000")
@click.option("--users", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--id-bytes", type=click.IntRange(8, 256), default=8, show_default=True, help="Of every id.")
@click.option("--dim", type=click.IntRange(1), default=384, show_default=True, help="Of the model's vectors.")
@click.option("--redis", metavar="URL", help="An empty Redis, emptied again at the end; default: an embedded one.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(users: int, id_bytes: int, dim: int, redis: str | None, file: Path | None) -> None:
    """Print bytes of Redis per user."""
    with server(redis) as url:
        told = _measure(url, users, id_bytes, dim)
    title = f"Redis {told['redis']}, {told['allocator']}: {users:,} users, ids of {id_bytes} bytes"
    table = Table(title=title, title_justify="left")
    for column in ("part", "what", "bytes a user"):
        table.add_column(column, justify="right" if column == "bytes a user" else "left")
    for part, what in COMPONENTS.items():
        table.add_row(part, what, f"{told['bytes_per_user'][part]:,.0f}")
    Console().print(table)
    click.echo(f"a record without texts and seen set has {told['record_bytes']:,} bytes")
    if file is not None:
        file.write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
