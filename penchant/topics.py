"""The topics: one closed table of names, keys, clean-up and retention; what a record on them is called. No I/O."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from penchant.errors import Misconfigured

DAY_S = 86_400
SEGMENT_S = DAY_S  # the broker deletes and compacts whole segments: so much longer than its retention a record may stay
TRENDING = "*"  # the trending list's key, which no user may have
MAX_MESSAGE_BYTES = 2 * 1024 * 1024  # what an oversized text still needs to reach the dead letters as it was sent
DEAD_LETTER_HEADERS_BYTES = 64 * 1024  # room that a dead letter needs beyond its origin


class Key(Enum):
    """What the key of a record is."""

    USER = "user id"
    ITEM = "item id"
    SOURCE = "source topic-partition"
    COMMAND = "command id"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Spec:
    """What is fixed about one topic. `retention_s` None: kept for ever, compacted or not."""

    suffix: str
    key: Key
    retention_s: int | None
    compacted: bool = False
    single: bool = False  # one partition, whatever the others have
    dead_letters: bool = False


class Topic(Enum):
    """Every topic there is, beside the dead letters of those that people write to."""

    CLICKS = Spec("clicks.v1", Key.USER, 90 * DAY_S, dead_letters=True)
    REVIEWS = Spec("reviews.v1", Key.USER, 90 * DAY_S, dead_letters=True)
    COMMANDS = Spec("commands.v1", Key.USER, 90 * DAY_S, dead_letters=True)
    ITEMS = Spec("items.v1", Key.ITEM, None, compacted=True, dead_letters=True)
    ITEM_VECTORS = Spec("item-vectors.v1", Key.ITEM, None, compacted=True)
    COVISITS = Spec("covisits.v1", Key.SOURCE, 7 * DAY_S, single=True)
    TRANSFERS = Spec("transfers.v1", Key.USER, 1 * DAY_S)
    META = Spec("meta.v1", Key.NAME, None, compacted=True, single=True)
    RECOMMENDATIONS = Spec("recommendations.v1", Key.USER, 30 * DAY_S, compacted=True)
    RECEIPTS = Spec("receipts.v1", Key.COMMAND, 30 * DAY_S)
    AUDIT = Spec("audit.v1", Key.COMMAND, 400 * DAY_S)  # longer than commands: a replay reads which of them were taken

    @property
    def user_keyed(self) -> bool:
        """Whether it shares the one partition count by which a user's partitions lie on one worker."""
        return self.value.key is Key.USER


USER_TOPICS = tuple(topic for topic in Topic if topic.user_keyed)
DEAD_LETTER_RETENTION_S = 30 * DAY_S
LEGAL_PREFIX = r"^[A-Za-z0-9._-]{1,200}$"


@dataclass(frozen=True, slots=True)
class Plan:
    """One topic as it has to be created: full name, partitions, Kafka's own topic settings."""

    name: str
    partitions: int
    user_keyed: bool
    configs: dict[str, str]


class Topics:
    """The table under a prefix: `Topics("penchant").clicks == "penchant.clicks.v1"`.

    Raises `Misconfigured` if Kafka would not take the prefix in a topic's name.
    """

    def __init__(self, prefix: str) -> None:
        if not re.fullmatch(LEGAL_PREFIX, prefix):
            raise Misconfigured(
                f"a topic's name cannot begin with the prefix {prefix!r}: use 1 to 200 of A-Z a-z 0-9 . _ -"
            )
        self.prefix: Final = prefix
        self.clicks: Final = self.name(Topic.CLICKS)
        self.reviews: Final = self.name(Topic.REVIEWS)
        self.commands: Final = self.name(Topic.COMMANDS)
        self.items: Final = self.name(Topic.ITEMS)
        self.item_vectors: Final = self.name(Topic.ITEM_VECTORS)
        self.covisits: Final = self.name(Topic.COVISITS)
        self.transfers: Final = self.name(Topic.TRANSFERS)
        self.meta: Final = self.name(Topic.META)
        self.recommendations: Final = self.name(Topic.RECOMMENDATIONS)
        self.receipts: Final = self.name(Topic.RECEIPTS)
        self.audit: Final = self.name(Topic.AUDIT)

    def name(self, topic: Topic) -> str:
        """Give the full name of a topic."""
        return f"{self.prefix}.{topic.value.suffix}"

    def dlq(self, topic: Topic) -> str:
        """Give the full name of a topic's dead letters; ValueError if it has none."""
        if not topic.value.dead_letters:
            raise ValueError(f"{topic.name} has no dead letters: nobody outside writes to it")
        return f"{self.name(topic)}.dlq"

    def find(self, name: str) -> Topic | None:
        """Find the topic of a full name; None for dead letters and for what is not ours."""
        return next((topic for topic in Topic if self.name(topic) == name), None)

    def plan(self, partitions: int) -> Iterator[Plan]:
        """Yield every topic, dead letters among them, for `partitions` partitions a topic."""
        for topic in Topic:
            spec = topic.value
            count = 1 if spec.single else partitions
            yield Plan(self.name(topic), count, topic.user_keyed, _configs(spec.compacted, spec.retention_s))
            if spec.dead_letters:
                configs = _configs(compacted=False, retention_s=DEAD_LETTER_RETENTION_S)
                configs["max.message.bytes"] = str(MAX_MESSAGE_BYTES + DEAD_LETTER_HEADERS_BYTES)
                yield Plan(self.dlq(topic), count, topic.user_keyed, configs)


def _configs(compacted: bool, retention_s: int | None) -> dict[str, str]:
    """Kafka's settings of one topic: compacted with a retention means both."""
    policy = "delete" if not compacted else "compact" if retention_s is None else "compact,delete"
    configs = {
        "cleanup.policy": policy,
        "retention.ms": "-1" if retention_s is None else str(retention_s * 1000),
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
    }
    if retention_s is not None:  # what goes has to go in time: users are on it
        configs["segment.ms"] = str(SEGMENT_S * 1000)
        if compacted:
            configs["max.compaction.lag.ms"] = str(SEGMENT_S * 1000)
    return configs


def position_of(topic: str, partition: int, offset: int) -> str:
    """Where a record stands on the log, which is the id of an event that has none of its own.

    >>> position_of("penchant.clicks.v1", 2, 4711)
    'penchant.clicks.v1-2-4711'
    """
    return f"{topic}-{partition}-{offset}"
