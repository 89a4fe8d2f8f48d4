"""Sends lines to their topics and counts what the broker confirmed."""

from collections import Counter
from types import TracebackType
from typing import Self

from kafka.errors import MessageSizeTooLargeError

from deploy.events.confirmed_producer import DELIVERY_TIMEOUT_MS, confirmed_producer
from deploy.events.jsonl import JsonLine
from penchant.errors import Misconfigured, Unavailable
from penchant.kafka.missing_rights import missing_right, unseen
from penchant.signatures import SIGNATURE, CommandKeys
from penchant.topics import MAX_MESSAGE_BYTES, Topic, Topics
from serving.files.message_splitter import BadLine
from serving.kafka.admin import open_admin, seen_and_hidden, translated
from serving.kafka.brokers import AnyBrokers

__all__ = ()


class LineProducer:
    """A producer for one block; at its end everything was delivered, or `Unavailable` says how much was not.

    `confirmed` counts by full topic name and is whole after the block. The topics are looked up once, at first use;
    `Misconfigured` if one is missing. keys: commands are signed by the first.
    """

    def __init__(self, brokers: AnyBrokers, topics: Topics, keys: CommandKeys | None = None) -> None:
        self._brokers = brokers
        self._keys = keys
        self._topics = topics
        self._known: set[str] = set()
        self._hidden: list[str] = []
        self._failed: list[BaseException] = []
        self.confirmed: Counter[str] = Counter()

    def __enter__(self) -> Self:
        with open_admin(self._brokers) as admin:
            known, self._hidden = seen_and_hidden(admin, [plan.name for plan in self._topics.plan(1)])
        self._known = set(known)
        self._producer = confirmed_producer(self._brokers)
        return self

    def send(self, line: JsonLine) -> BadLine | None:
        """Send one line; what comes back says why it cannot be sent."""
        name = self._topics.name(line.topic)
        if name in self._hidden:
            raise Misconfigured(unseen([name]))
        if name not in self._known:
            raise Misconfigured(f"the topic {name} is missing: create it with `penchant topics create`")
        headers = []
        if self._keys is not None and line.topic is Topic.COMMANDS:
            headers.append((SIGNATURE, self._keys.sign(line.key, line.value)))
        with translated(self._brokers):
            try:
                future = self._producer.send(name, key=line.key, value=line.value, headers=headers)
            except MessageSizeTooLargeError:
                return BadLine(line.number, f"larger than {MAX_MESSAGE_BYTES} bytes")
        future.add_callback(self._count, name)
        future.add_errback(self._failed.append)
        return None

    def _count(self, name: str, _: object) -> None:
        self.confirmed[name] += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with translated(self._brokers):
                self._producer.flush(timeout=DELIVERY_TIMEOUT_MS / 1000)
        finally:
            self._producer.close(timeout=1)
        if self._failed and (refused := missing_right(self._failed[0])) is not None:
            raise Misconfigured(refused)
        if self._failed and error is None:
            raise Unavailable(
                f"{len(self._failed)} messages were not confirmed ({self._failed[0]}): send the file again; "
                "events with an event_id are not counted twice"
            )
