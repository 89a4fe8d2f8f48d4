"""The Faust agents: micro-batches, acknowledged after the work.

Never `take`: it acknowledges a batch whose body raised. An agent that raises stops the worker (CrashingSupervisor), and
what was not acknowledged comes again after the restart.

A batch is what lies there when it begins. The first event after a while is one by itself, at once; while batches take
their time more come together, and where they take less, a batch begins some milliseconds after the one before: an event
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

_Queue = asyncio.Queue[EventT[Any]]
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


def consume(
    app: faust.App, topic: str, handle: _Handle, most: int, apart_s: float, burst: int = 0, lanes: int = 1
) -> None:
    """Have `handle` take in a topic's records, at most `most` at once, in batches that begin `apart_s` apart or more.

    burst: so many if they are of fewer keys, and wait already: a user's burst makes one list. 0: none beyond `most`.
    lanes: how many batches may be taken in beside each other, each of its own partitions: while one waits for the store
    or the broker, another is computed. `handle` returns the partitions whose records are not done, which stay
    unacknowledged; None: all are done.
    """
    source = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def lane(queue: _Queue) -> None:
        while True:
            events = await batch(app, queue, most, burst)
            began_s = monotonic()
            undone = await handle([to_record(event) for event in events]) if events else None
            for event in events:
                if not undone or event.message.partition not in undone:
                    event.ack()
            await asyncio.sleep(max(began_s + apart_s - monotonic(), 0.0))

    async def agent(stream: StreamT[bytes]) -> None:
        queues = [_Queue(max(most, burst)) for _ in range(lanes)]
        try:
            async with asyncio.TaskGroup() as group:
                for queue in queues:
                    group.create_task(lane(queue))
                await _share_out(stream, queues)
        except ExceptionGroup as raised:  # the first says why a worker stops; the others ended with it
            raise raised.exceptions[0] from None

    app.agent(source, name=topic)(agent)


async def _share_out(stream: Any, queues: Sequence[_Queue]) -> None:
    """Hand each event to the lane of its partition, for ever. Where one lane is full all wait: Faust fetches less."""
    while True:
        first = await anext(stream.channel)
        for event in chain([first], waiting(stream.channel.queue)):
            queue = queues[event.message.partition % len(queues)]
            if queue.full():
                await queue.put(event)
            else:
                queue.put_nowait(event)


async def batch(app: Any, queue: _Queue, most: int, burst: int = 0) -> list[EventT[Any]]:
    """Wait for an event, and take what lies in the queue by then; see `consume`. Empty: all were of the past."""
    first = await queue.get()
    events: list[EventT[Any]] = []
    keys = set()
    for event in current(app, chain([first], waiting(queue))):
        events.append(event)
        keys.add(event.message.key)
        if len(events) >= most and not (len(events) < burst and len(keys) < most):
            break
    return events


def waiting(queue: _Queue) -> Iterator[EventT[Any]]:
    """Take the events that lie in a queue already."""
    while not queue.empty():
        yield queue.get_nowait()


def current(app: Any, events: Iterable[EventT[Any]]) -> Iterator[EventT[Any]]:
    """The events that are not of before a rebalance, each noted as Faust's own iterator notes it."""
    for event in events:
        message = event.message
        if not app.flow_control.is_active() or message.generation_id != app.consumer_generation_id:
            continue
        if message.topic in app.topics.acking_topics and not message.tracked:
            message.tracked = True
            app.consumer.unacked.add(message)
        yield event
