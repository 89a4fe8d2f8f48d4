"""The Faust agents: micro-batches, acknowledged after the work.

Never `take`: it acknowledges a batch whose body raised. An agent that raises stops the worker (CrashingSupervisor), and
what was not acknowledged comes again after the restart.

A batch is what lies in the channel. The first event after a while is one by itself, at once; while batches take their
time more come together, and where they take less, a batch begins some milliseconds after the one before: an event
costs less in a batch of several. Faust's `noack_take` waits for a batch to fill instead, also for a first event, runs a
timer all the time, and gathers events one by one, each in its own iteration of the event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import chain
from time import monotonic
from typing import Any

import faust
from faust.types import EventT, StreamT

from serving.kafka.asynchronous import unreadable
from stream.events.records import Record

_Handle = Callable[[Sequence[Record]], Awaitable[set[int] | None]]


def to_record(event: EventT[Any]) -> Record:
    """A Faust event as what the pipeline reads."""
    message: Any = event.message
    what = unreadable(message)
    headers = message.headers or ()
    if isinstance(headers, dict):
        headers = headers.items()
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=round(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=tuple((name, value if value is not None else b"") for name, value in headers),
        follows=message.checksum,  # see stream/kafka/consumer.py
        unreadable=what,
    )


def consume(app: faust.App, topic: str, handle: _Handle, most: int, apart_s: float, burst: int = 0) -> None:
    """Have `handle` take in a topic's records, at most `most` at once, in batches that begin `apart_s` apart or more.

    burst: so many if they are of fewer keys, and wait already: a user's burst makes one list. 0: none beyond `most`.
    `handle` returns the partitions whose records are not done, which stay unacknowledged; None: all are done.
    """
    source = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def agent(stream: StreamT[bytes]) -> None:
        while True:
            events = await batch(stream, most, burst)
            began_s = monotonic()
            undone = await handle([to_record(event) for event in events]) if events else None
            for event in events:
                if not undone or event.message.partition not in undone:
                    event.ack()
            await asyncio.sleep(max(began_s + apart_s - monotonic(), 0.0))

    app.agent(source, name=topic)(agent)


async def batch(stream: Any, most: int, burst: int = 0) -> list[EventT[Any]]:
    """Wait for an event, and take what lies in the channel by then; see `consume`. Empty: all were of the past."""
    first = await anext(stream.channel)
    events: list[EventT[Any]] = []
    keys = set()
    for event in chain(current(stream, [first]), current(stream, waiting(stream))):
        events.append(event)
        keys.add(event.message.key)
        if len(events) >= most and not (len(events) < burst and len(keys) < most):
            break
    return events


def waiting(stream: Any) -> Iterator[EventT[Any]]:
    """Take the events that lie in a stream's channel already."""
    queue = stream.channel.queue
    while not queue.empty():
        yield queue.get_nowait()


def current(stream: Any, events: Iterable[EventT[Any]]) -> Iterator[EventT[Any]]:
    """The events that are not of before a rebalance, each noted as Faust's own iterator notes it."""
    app = stream.app
    for event in events:
        message = event.message
        if not app.flow_control.is_active() or message.generation_id != app.consumer_generation_id:
            continue
        if message.topic in app.topics.acking_topics and not message.tracked:
            message.tracked = True
            app.consumer.unacked.add(message)
        yield event
