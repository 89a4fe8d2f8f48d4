"""The agent that one writes first: per event GET, decay and add, scan, SET, send. What Penchant is measured against.

`python -m benchmarks.performance.systems.naive_agent ITEMS` reads settings as a worker does. It is meant well: vectors
lie in memory, the scan is one product of NumPy, hiredis parses, uvloop runs the loop, and the broker is asked as a
worker asks it.
It does a fraction of the work: no reasons, no deduplication, no co-visits, no filter of what was seen, no guarantees.
"""

import asyncio
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import faust
import msgspec
import numpy as np
import redis.asyncio as redis
import uvloop
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from benchmarks.performance.systems.made_catalogue import vectors
from serving.arrays import Vectors
from serving.model.encoder import load_encoder
from serving.state.user_state import Vector
from stream.settings import WorkerSettings

READY = "the naive agent is ready"
_HALF_LIFE_S = 30 * 86_400.0


class _Thread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = transport.fetch_wait_ms
        return consumer


class _Consumer(Consumer):
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class _Transport(Transport):
    Consumer = _Consumer
    fetch_wait_ms = 500


class NaiveInterests:
    """One vector a user in Redis; every item scanned for every event. encode: a text to its vector."""

    def __init__(self, store: Any, catalogue: Vectors, k: int, encode: Callable[[str], Vector]) -> None:
        self._store, self._catalogue, self._k, self._encode = store, catalogue, k, encode

    async def answer(self, value: bytes) -> tuple[bytes, bytes]:
        """Take an event in. Returns the key and the value of its user's new list."""
        event = msgspec.json.decode(value)
        key, now_s = f"naive:{event['user_id']}", time.time()
        stored = await self._store.get(key)
        vector, then_s = np.zeros(self._catalogue.shape[1], np.float32), now_s
        if stored is not None:
            (then_s,) = struct.unpack("<d", stored[:8])
            vector = np.frombuffer(stored[8:], np.float32)
        if "text" in event:
            added = await asyncio.to_thread(self._encode, event["text"])
        else:
            added = self._catalogue[int(event["item_id"][1:])]
        vector = vector * np.float32(2 ** ((then_s - now_s) / _HALF_LIFE_S)) + added
        scores = self._catalogue @ vector
        best = np.argpartition(scores, -self._k)[-self._k :]
        best = best[np.argsort(-scores[best])]
        await self._store.set(key, struct.pack("<d", now_s) + vector.astype(np.float32).tobytes())
        items = [{"item_id": f"i{row:07d}", "score": float(scores[row])} for row in best]
        made = {"user_id": event["user_id"], "folded": [{"event_id": event["event_id"]}], "items": items}
        return event["user_id"].encode(), msgspec.json.encode(made)


async def run(settings: WorkerSettings, items: int) -> None:
    """Until SIGTERM."""
    encoder = load_encoder(settings.model, settings.provider, threads=settings.encoder_threads)
    catalogue = np.concatenate([rows for _, rows in vectors(items, encoder.dim)])
    store = redis.Redis.from_url(settings.redis)
    interests = NaiveInterests(store, catalogue, settings.k, lambda text: encoder.embed([text], "query")[0])
    app = faust.App(
        "naive", broker=f"kafka://{settings.bootstrap}", store="memory://", web_enabled=False, web_bind="127.0.0.1",
        topic_allow_declare=False, topic_disable_leader=True, reply_create_topic=False,
        broker_session_timeout=6, broker_heartbeat_interval=1.5, broker_request_timeout=30,
        consumer_auto_offset_reset="earliest", stream_wait_empty=False, loop=asyncio.get_running_loop(),
    )  # fmt: skip
    transport = app.transport = _Transport(app.conf.broker_consumer, app, app.loop)
    transport.fetch_wait_ms = settings.fetch_wait_ms
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    lists = app.topic(settings.topics.recommendations, **raw)

    async def agent(stream: Any) -> None:
        async for event in stream:
            key, value = await interests.answer(event)
            await (await lists.send(key=key, value=value))

    for topic in (settings.topics.clicks, settings.topics.reviews):
        app.agent(app.topic(topic, **raw), name=topic)(agent)
    app.on_rebalance_complete.connect(lambda *_, **__: print(READY, flush=True), weak=False)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await app.start()
    await stopped.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(WorkerSettings(), int(sys.argv[1])))
