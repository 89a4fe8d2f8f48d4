"""What it costs that no record may stop the stream: the same clicks with and without it, in turns, in one run.

    python -m benchmarks.containment

With: batches opened by the reader of ours, marks of what is under way in Redis, the guard around a batch. Without:
aiokafka's own reader, no marks. Both: decoding, the real store (an embedded redis-server), the real ranker over 10,000
items with popularity and co-visits, lists as JSON; the log that they go to is a list in memory, so the broker and
Faust are missing from both, which makes the share look larger than it is. CPU of the process, and time on the wall.
"""

import asyncio
import json
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import msgspec
import numpy as np
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from rich.console import Console
from rich.table import Table

from deploy.local.services import start_store
from penchant.messages import CoVisits, ItemVector
from penchant.topics import Topics
from serving.catalogue import Catalogue, pack
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import Vector
from stream.containment.faults import Guard
from stream.containment.quarantine import Quarantine
from stream.events.decoder import Decoder
from stream.events.outgoing import Outgoing
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.kafka.agents import to_record
from stream.pipeline import Pipeline
from stream.processing.batch import Limits
from stream.processing.effects import LiveEffects
from stream.processing.intake import LiveIntake
from stream.processing.lists import Lists
from stream.store.base import Retention
from stream.store.pending_index import PendingIndex
from stream.store.redis import Store

ITEMS, USERS, _DIM, _ROUNDS = 10_000, 2_000, 384, 7
TOPICS = Topics("penchant")
NOW_MS = 1_795_341_600_000
FINGERPRINT = "e5s-00000000"


@dataclass
class _Sink:
    """A log that counts, and hands the pairs to the item statistics as followers do."""

    statistics: Statistics
    sent: int = 0

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See `stream.kafka.producer.Log`."""
        self.sent += len(records)
        for record in records:
            if record.topic == TOPICS.covisits and record.value is not None:
                self.statistics.apply(msgspec.json.decode(record.value, type=CoVisits))


def catalogue() -> Catalogue:
    """Made-up items with unit vectors."""
    random = np.random.default_rng(0)
    made = Catalogue(_DIM, FINGERPRINT)
    for number in range(ITEMS):
        vector = random.standard_normal(_DIM).astype(np.float32)
        made.put(
            ItemVector(
                item_id=f"i{number}",
                title=f"Item {number}",
                facets={},
                available=True,
                revision="0",
                fingerprint=FINGERPRINT,
                vector=pack(vector / np.linalg.norm(vector)),
            )
        )
    return made


def fetched(first: int, size: int) -> bytes:
    """What a broker answers: one batch of clicks of different users."""
    random = np.random.default_rng(first)
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    for n in range(size):
        user, item = f"u{random.integers(USERS)}", f"i{min(int(random.zipf(1.3)), ITEMS) - 1}"
        body = {"event_id": f"e{first + n}", "user_id": user, "item_id": item, "type": "click"}
        builder.append(n, NOW_MS + first + n, user.encode(), json.dumps(body).encode(), [])
    raw = bytearray(builder.build())
    raw[:8] = first.to_bytes(8, "big")  # not under the checksum
    return bytes(raw)


def _reader(*, ours: bool) -> Callable[[bytes, int], list[Record]]:
    """From a fetch to the pipeline's records, through aiokafka's fetcher classes or through ours."""
    from serving.kafka import asynchronous

    records = asynchronous.PartitionRecords if ours else fetcher.PartitionRecords
    opened: Callable[[bytes], Any] = asynchronous.RawRecords if ours else MemoryRecords
    place = TopicPartition(TOPICS.clicks, 0)

    def read(raw: bytes, first: int) -> list[Record]:
        found = records(place, opened(raw), [], first, None, None, True, fetcher.READ_COMMITTED)
        events: list[Any] = [_FaustEvent(message) for message in found]
        return [to_record(event) for event in events]

    return read


class _FaustEvent:
    """A fetched record as Faust hands it to an agent: its time in seconds."""

    def __init__(self, record: Any) -> None:
        self.message = self
        self.topic, self.partition, self.offset = record.topic, record.partition, record.offset
        self.timestamp, self.key, self.value = record.timestamp / 1000, record.key, record.value
        self.headers, self.checksum = record.headers, record.checksum


class _MeasuredSystem:
    """Everything from a fetch to a list but broker and Faust, guarded or not."""

    def __init__(self, url: str, *, guarded: bool) -> None:
        self._guarded = guarded
        items = catalogue()
        statistics = Statistics(items, {})
        ranker = Ranker(items, statistics.popularity, covisits=statistics.covisits, ease=statistics.ease)
        self._store = Store(
            url, "with" if guarded else "without", FINGERPRINT, {TOPICS.clicks: "one"}, Retention(86_400)
        )
        self._quarantine = Quarantine(self._store)
        self._read = _reader(ours=guarded)
        decoder = Decoder(TOPICS, load_weights(), 1, {}, clock=lambda: NOW_MS + 60_000)
        guard = Guard(quarantine=self._quarantine) if guarded else Guard()
        self._pipeline = Pipeline(
            intake=LiveIntake(decoder=decoder, transfers=TOPICS.transfers, guard=guard),
            effects=LiveEffects(
                topics=TOPICS,
                log=_Sink(statistics),
                ranker=lambda _, states: ranker.rank_many(states, 20),
                lists=Lists(TOPICS, FINGERPRINT, 86_400_000),
                store=self._store,
                clock=lambda: NOW_MS + 60_000,
                guard=guard,
            ),
            decoder=decoder,
            embedder=_no_texts,
            items=items.vector,
            store=self._store,
            waiting=PendingIndex(),
            limits=Limits(),
            fingerprint=FINGERPRINT,
            clock=lambda: NOW_MS + 60_000,
            guard=guard,
        )
        self.cpu: list[float] = []
        self.wall: list[float] = []

    async def acquire(self) -> None:
        """Become the owner of the one partition."""
        await self._store.acquire(0)

    async def take_in(self, answers: Sequence[tuple[int, bytes]], events: int) -> None:
        """Take in a round of fetches; note microseconds an event."""
        cpu, wall = time.process_time(), time.perf_counter()
        for first, raw in answers:
            records = self._read(raw, first)
            if self._guarded:
                async for some in self._quarantine.marked(records, str):
                    await self._pipeline.process(some)
            else:
                await self._pipeline.process(records)
        self.cpu.append((time.process_time() - cpu) / events * 1e6)
        self.wall.append((time.perf_counter() - wall) / events * 1e6)

    async def close(self) -> None:
        """Hang up."""
        await self._store.close()


async def _no_texts(_: Sequence[str]) -> dict[str, Vector]:
    """Clicks have none."""
    return {}


async def compare(url: str, size: int, events: int) -> dict[str, float]:
    """Both systems in turns, round by round; the first round warms up. Medians, in microseconds an event."""
    systems = [_MeasuredSystem(url, guarded=guarded) for guarded in (True, False)]
    for system in systems:
        await system.acquire()
    for number in range(_ROUNDS + 1):
        span = range(number * events, (number + 1) * events, size)
        answers = [(first, fetched(first, size)) for first in span]
        for system in systems if number % 2 else systems[::-1]:
            await system.take_in(answers, len(span) * size)
    for system in systems:
        await system.close()
    shares = [with_ / without - 1 for with_, without in zip(*(system.cpu[1:] for system in systems), strict=True)]
    guarded, bare = systems
    return {
        "batch": size,
        "with_us": median(guarded.cpu[1:]),
        "without_us": median(bare.cpu[1:]),
        "with_wall_us": median(guarded.wall[1:]),
        "without_wall_us": median(bare.wall[1:]),
        "share": median(shares),
        "share_least": min(shares),
        "share_most": max(shares),
    }


@click.command(epilog="Example: python -m benchmarks.containment --events 4096 --batch 256 --batch 32")
@click.option("--events", type=click.IntRange(1), default=4096, show_default=True, help="A round, of which 7 count.")
@click.option("--batch", "sizes", type=int, multiple=True, default=(256, 32, 4), show_default=True, help="Events.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(events: int, sizes: Sequence[int], file: Path | None) -> None:
    """Print what containment costs an event, with its share of all that an event costs."""
    with tempfile.TemporaryDirectory() as folder:
        embedded = start_store(Path(folder))
        try:
            told = [asyncio.run(compare(embedded.url, size, events)) for size in sizes]
        finally:
            embedded.stop()
    table = Table(title=f"{platform.processor() or platform.machine()}, {ITEMS:,} items: CPU an event, median of 7")
    for column in ("events a batch", "with, µs", "without, µs", "share", "least … most"):
        table.add_column(column, justify="right")
    for each in told:
        spread = f"{each['share_least']:+.1%} … {each['share_most']:+.1%}"
        figures = (f"{each['with_us']:,.0f}", f"{each['without_us']:,.0f}", f"{each['share']:+.1%}", spread)
        table.add_row(f"{each['batch']:.0f}", *figures)
    Console().print(table)
    if file is not None:
        file.write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
