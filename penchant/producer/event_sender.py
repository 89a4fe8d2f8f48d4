"""Sending messages, wherever they go: to Kafka, or into a test's fake."""

import asyncio
from abc import abstractmethod
from concurrent.futures import Future
from threading import Condition
from typing import NamedTuple, Self

from penchant.blocks import Block
from penchant.errors import BufferFull, Unavailable
from penchant.messages import Command
from penchant.producer.outgoing_record import Message, OutgoingRecord, record_of, removal_of
from penchant.signatures import SIGNATURE, CommandKeys
from penchant.topics import Topics

__all__ = ["Delivery", "EventSender"]


class Delivery(NamedTuple):
    """Where a confirmed message stands."""

    topic: str
    partition: int
    offset: int


class EventSender(Block):
    """Checks, counts what is not confirmed yet, and bounds it. Every method may be called from any thread."""

    def __init__(self, prefix: str, source: str, buffer_bytes: int, commands_key: str | None = None) -> None:
        self._topics = Topics(prefix)
        self._keys = CommandKeys.parse(commands_key, "commands_key") if commands_key is not None else None
        self._source = source
        self._most_bytes = buffer_bytes
        self._bytes = 0
        self._waiting = 0
        self._failed: list[BaseException] = []
        self._changed = Condition()

    def send(self, message: Message, source: str | None = None) -> Future[Delivery]:
        """Send a Click, Review, Item or Command; returns at once. The future says where it stands, once it does.

        source: who sends this one, if not the sender of all. Raises Rejected for what no worker would take, before
        anything is sent, and BufferFull.
        """
        record = record_of(message, self._topics, source or self._source)
        return self._send(self._signed(record) if isinstance(message, Command) else record)

    async def send_async(self, message: Message) -> Delivery:
        """The same, and wait until it is confirmed. Raises Unavailable, too."""
        return await asyncio.wrap_future(self.send(message))

    def remove_item(self, item_id: str) -> Future[Delivery]:
        """Remove an item from the catalogue, as `send`."""
        return self._send(removal_of(item_id, self._topics, self._source))

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until all is confirmed that was sent. Raises Unavailable with what was not, since the last flush."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._waiting, timeout_s)
            failed, self._failed = self._failed, []
        if not done:
            raise Unavailable(f"{self._waiting} messages were not confirmed in {timeout_s:g} s")
        if failed:
            raise Unavailable(
                f"{len(failed)} messages were not confirmed ({failed[0]}): send them again; "
                "events with an event_id are not counted twice"
            )

    @property
    def unconfirmed(self) -> int:
        """How many messages wait for their confirmation."""
        return self._waiting

    def start(self) -> Self:
        """Connect; a `with` or `async with` block does, and flushes and closes at its end."""
        return self

    def close(self, timeout_s: float = 60.0) -> None:
        """Flush, and end."""
        self.flush(timeout_s)

    @abstractmethod
    def _hand_over(self, record: OutgoingRecord, delivery: Future[Delivery]) -> None:
        """Give a record to whoever brings it there, and the future its result."""

    def _signed(self, record: OutgoingRecord) -> OutgoingRecord:
        if self._keys is None:
            return record
        return record._replace(headers=(*record.headers, (SIGNATURE, self._keys.sign(record.key, record.value))))

    def _send(self, record: OutgoingRecord) -> Future[Delivery]:
        size = len(record.value or b"") + len(record.key)
        with self._changed:
            if self._bytes + size > self._most_bytes:
                raise BufferFull(
                    f"{self._waiting} messages of {self._bytes} bytes are not confirmed yet: wait for them, "
                    "or send less; the broker may be away"
                )
            self._bytes += size
            self._waiting += 1
        delivery: Future[Delivery] = Future()
        delivery.set_running_or_notify_cancel()  # what was sent cannot be cancelled
        delivery.add_done_callback(lambda done: self._settle(done, size))
        try:
            self._hand_over(record, delivery)
        except BaseException as error:
            delivery.set_exception(error)
            with self._changed:
                self._failed.remove(error)  # it is raised here
            raise
        return delivery

    def _settle(self, delivery: Future[Delivery], size: int) -> None:
        error = delivery.exception()
        with self._changed:
            self._bytes -= size
            self._waiting -= 1
            if error is not None:
                self._failed.append(error)
            self._changed.notify_all()
