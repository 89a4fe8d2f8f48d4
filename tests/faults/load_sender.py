"""Sends a load at a steady pace from a thread of its own, so that faults come in the middle of it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from zlib import crc32

from penchant.topics import Topics
from tests.faults.load import ITEMS, Load, LoadMessage
from tests.faults.producers import LoadProducer, Packed, Plain, Position, SendTarget, Transactions

Partitioner = Callable[[LoadMessage], int | None]
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def by_murmur2(_: LoadMessage) -> int | None:
    """Leave it to the client, which does as Java does."""
    return None


def by_crc32(message: LoadMessage, partitions: int = 4) -> int | None:
    """As librdkafka's default does; items stay with the client."""
    return None if message.topic == ITEMS else crc32(message.key.encode()) % partitions


@dataclass(frozen=True, slots=True)
class Mix:
    """Which shares of a load are sent in transactions, and packed by some codec; the rest is sent as it is.

    group: messages of a transaction. aborted: how many go before one, by share, that is aborted.
    """

    transactional: float = 0.2
    packed: float = 0.2
    group: int = 4
    aborted: float = 0.3


USUAL = Mix()
PLAIN = Mix(0.0, 0.0)
PACKED = Mix(0.0, 1.0)
WITHOUT_TRANSACTIONS = Mix(0.0, 0.4)  # where a log may lose a marker: nothing behind the transaction could be read
TRANSACTIONAL = Mix(0.9, 0.0, group=1)


class LoadSender:
    """Starts sending at once; `sent` counts. `close` waits until the broker has confirmed everything.

    places: where messages that the checker asks for lie, by name, once it was closed. The embedded broker knows no
    `transactions`: what would be in one is packed there.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Topics,
        load: Load,
        rate: float,
        choose: Partitioner,
        mix: Mix,
        *,
        transactions: bool,
    ) -> None:
        self.sent = 0
        self.total = len(load.messages)
        self.places: list[tuple[str, Position]] = []
        names = {topic: f"{topics.prefix}.{topic}.v1" for topic in ("clicks", "reviews", "commands", "items")}
        self._target = SendTarget(bootstrap, names, self._told)
        self._choose, self._mix, self._transactions = choose, mix, transactions
        self._random = Random(load.seed)
        self._name = f"{topics.prefix}-{id(self)}"
        self._producers: dict[str, LoadProducer] = {}
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(load.messages, rate), daemon=True)
        self._thread.start()

    @property
    def share(self) -> float:
        """How much of the load was sent so far, 0 to 1. Raises the clients' errors."""
        if self._failure is not None:
            raise self._failure
        return self.sent / self.total

    def close(self) -> None:
        """Wait until all was sent and confirmed. Raises the clients' errors if it was not."""
        self._thread.join(timeout=270)
        if self._thread.is_alive():
            raise TimeoutError("the load was not sent and confirmed in time")
        if self._failure is not None:
            raise self._failure

    def _run(self, messages: tuple[LoadMessage, ...], rate: float) -> None:
        begun = time.monotonic()
        try:
            for number, message in enumerate(messages):
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
                partition = message.partition if message.partition is not None else self._choose(message)
                self._producer(message).send(message, partition)
                self.sent = number + 1
        except Exception as error:  # noqa: BLE001 - raised again where the pump is closed
            self._failure = error
        for producer in self._producers.values():
            try:
                producer.close()
            except Exception as error:  # noqa: BLE001 - likewise
                self._failure = self._failure or error

    def _producer(self, message: LoadMessage) -> LoadProducer:
        """The producer of a message; made when it is first asked for, in the thread that uses it."""
        name = message.producer or self._drawn()
        if name not in self._producers:
            self._producers[name] = self._made(name)
        return self._producers[name]

    def _drawn(self) -> str:
        chance, mix = self._random.random(), self._mix
        if chance < mix.transactional and self._transactions:
            return "transactions"
        return self._random.choice(CODECS) if chance < mix.transactional + mix.packed else "plain"

    def _made(self, name: str) -> LoadProducer:
        if name == "plain":
            return Plain(self._target)
        if name == "transactions":
            return Transactions(self._target, self._name, self._mix.group, self._mix.aborted)
        codec, _, alone = name.partition("/")
        return Packed(self._target, codec, alone=bool(alone))

    def _told(self, message: LoadMessage, place: Position) -> None:
        if message.odd:
            self.places.append((message.name, place))
