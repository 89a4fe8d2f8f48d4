"""The Faust agents: micro-batches by `noack_take`, acknowledged after the work.

Never `take`: it acknowledges a batch whose body raised. An agent that raises stops the worker (CrashingSupervisor), and
what was not acknowledged comes again after the restart.

`noack_take` gathers events one by one, each in its own iteration of the event loop. On a busy loop few come together
before its time is up, so batches would be smallest when most is waiting. What lies in the channel by then is taken
along at once.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, cast

import faust
from faust.streams import Stream
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


def consume(app: faust.App, topic: str, handle: _Handle, most: int, wait_s: float, burst: int = 0) -> None:
    """Have `handle` take in a topic's records, at most `most` at once, waiting at most `wait_s` to fill a batch.

    burst: so many if they are of fewer keys, and wait already: a user's burst makes one list. 0: none beyond `most`.
    `handle` returns the partitions whose records are not done, which stay unacknowledged; None: all are done.
    """
    source = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def agent(stream: StreamT[bytes]) -> None:
        # noack_take yields lists of events, not of values as its annotation says; StreamT does not know of it at all.
        batches: Any = cast("Stream[bytes]", stream).noack_take(most, within=wait_s)
        async for events in batches:
            keys = {event.message.key for event in events}
            more = waiting(stream)
            while len(events) < burst and len(keys) < most and (event := next(more, None)) is not None:
                keys.add(event.message.key)
                events.append(event)
            undone = await handle([to_record(event) for event in events])
            for event in events:
                if not undone or event.message.partition not in undone:
                    event.ack()

    app.agent(source, name=topic)(agent)


def waiting(stream: Any) -> Iterator[EventT[Any]]:
    """Take the events that lie in a stream's channel already, each noted as Faust's own iterator notes it.

    Only between a batch of `noack_take` and the next await: Faust's iterator holds no event back then, which would come
    after those behind it.
    """
    app, queue = stream.app, stream.channel.queue
    while not queue.empty():
        event = queue.get_nowait()
        message = event.message
        if not app.flow_control.is_active() or message.generation_id != app.consumer_generation_id:
            continue  # of before a rebalance
        if message.topic in app.topics.acking_topics and not message.tracked:
            message.tracked = True
            app.consumer.unacked.add(message)
        yield event
