"""The producer for Python services: `EventProducer`."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import closing
from typing import Any, Self

from penchant.errors import Misconfigured, Unavailable
from penchant.kafka.missing_rights import DESCRIBE_REFUSED, missing_right, unseen
from penchant.partitioner import partition_of
from penchant.producer.event_sender import Delivery, EventSender
from penchant.producer.outgoing_record import OutgoingRecord
from penchant.topics import MAX_MESSAGE_BYTES, Topic

__all__ = ["EventProducer"]

_BUFFER_BYTES = 32 * 1024 * 1024
_CLOSE_S = 1.0
_WRITTEN = (Topic.CLICKS, Topic.REVIEWS, Topic.ITEMS, Topic.COMMANDS)


class EventProducer(EventSender):
    """Sends events, items and commands: checked before, to the right partition, confirmed after.

    For a `with` or `async with` block, or between `start` and `close`. Messages go in batches of what comes within 5
    ms; while the broker is away they wait for a minute.

    bootstrap: Kafka's servers, host:port, several with commas. prefix: the first part of the topics' names. source: who
    sends, as CloudEvents' `source`. buffer_bytes: how much may be unconfirmed; beyond it `send` raises BufferFull.
    commands_key: by which commands are signed, NAME:SECRET, where the workers need that (PENCHANT_COMMANDS_KEY).
    kafka: more options of kafka-python's producer, such as `compression_type`, `security_protocol`.
    """

    def __init__(
        self,
        bootstrap: str,
        prefix: str = "penchant",
        *,
        source: str = "penchant",
        buffer_bytes: int = _BUFFER_BYTES,
        commands_key: str | None = None,
        kafka: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(prefix, source, buffer_bytes, commands_key)
        self._bootstrap = bootstrap
        self._options = {
            "bootstrap_servers": bootstrap,
            "acks": "all",
            "linger_ms": 5,
            "max_request_size": MAX_MESSAGE_BYTES,
            "delivery_timeout_ms": 60_000,
            "max_block_ms": 10_000,
            "allow_auto_create_topics": False,
            "reconnect_backoff_max_ms": 1_000,
            **(kafka or {}),
        }
        self._producer: Any = None
        self._hidden: set[str] = set()  # topics that this user may not see: sending to them is refused

    def start(self) -> Self:
        """Connect. Raises Unavailable if the broker is away, Misconfigured if a topic is missing."""
        from kafka import KafkaProducer
        from kafka.errors import KafkaError

        from penchant.kafka.reachable import check_reachable, security_missed

        if self._producer is not None:
            return self
        try:
            check_reachable(self._bootstrap, options=self._options)
            self._check_topics()
            self._producer = KafkaProducer(**self._options)
        except (KafkaError, OSError) as error:
            plain = "security_protocol" not in self._options
            if plain and (missed := security_missed(self._bootstrap)):
                raise Misconfigured(f"no connection with the broker: {missed}") from error
            raise Unavailable(f"the broker at {self._bootstrap} cannot be reached ({error}): start it") from error
        for name in {self._topics.name(topic) for topic in _WRITTEN} - self._hidden:
            self._producer.partitions_for(name)  # so that no `send` waits for it
        return self

    def _check_topics(self) -> None:
        """Asked apart, since the embedded broker makes a topic that a producer asks for."""
        from kafka.admin import KafkaAdminClient

        names = [self._topics.name(topic) for topic in _WRITTEN]
        secured = {
            name: each for name, each in self._options.items() if name.startswith(("security_", "ssl_", "sasl_"))
        }
        with closing(KafkaAdminClient(bootstrap_servers=self._bootstrap, **secured)) as admin:
            told = admin.describe_topics(names)
        self._hidden = {topic["name"] for topic in told if topic["error_code"] == DESCRIBE_REFUSED}
        if self._hidden == set(names):
            raise Misconfigured(unseen(names))
        found = {topic["name"] for topic in told if topic["error_code"] == 0}
        for name in names:
            if name not in found | self._hidden:
                raise Misconfigured(f"the topic {name} is missing: create it with `penchant topics create`")

    def close(self, timeout_s: float = 60.0) -> None:
        """Flush, and hang up. Raises Unavailable with what was not confirmed."""
        if self._producer is None:
            return
        try:
            self.flush(timeout_s)
        finally:
            _hang_up(self._producer)
            self._producer = None

    def _hand_over(self, record: OutgoingRecord, delivery: Future[Delivery]) -> None:
        from kafka.errors import KafkaError

        if self._producer is None:
            raise Misconfigured("the producer was not started, or is closed: use it in a `with` block")
        try:
            partition = partition_of(record.key, self._partitions(record.topic))
            sent = self._producer.send(
                record.topic, key=record.key, value=record.value, headers=list(record.headers), partition=partition
            )
        except KafkaError as error:
            raise _translated(error) from error
        sent.add_callback(lambda told: delivery.set_result(Delivery(told.topic, told.partition, told.offset)))
        sent.add_errback(lambda error: delivery.set_exception(_translated(error)))

    def _partitions(self, topic: str) -> int:
        if topic in self._hidden:
            raise Misconfigured(unseen([topic]))
        numbers = self._producer.partitions_for(topic)
        if not numbers:
            raise Misconfigured(f"the topic {topic} is missing: create it with `penchant topics create`")
        return len(numbers)


def _hang_up(producer: Any) -> None:
    from kafka.errors import KafkaTimeoutError

    try:
        producer.close(timeout=_CLOSE_S)
    except KafkaTimeoutError:  # it waits for what is unconfirmed, and goes on sending if that takes longer
        producer._sender.force_close()
        producer._sender.join(_CLOSE_S)
        producer.close(timeout=_CLOSE_S)


def _translated(error: BaseException) -> Unavailable:
    made = Unavailable(f"not confirmed: {missing_right(error) or str(error) or type(error).__name__}")
    made.__cause__ = error
    return made
