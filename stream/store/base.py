"""What the pipeline asks of a store, and the values that pass between: leases, commits, what became of them."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from penchant.errors import Misconfigured
from serving.state.user_state import Ref, UserState
from stream.store.answers import Answer

Repair = Callable[[int, str], Awaitable[UserState]]  # partition and user -> the state, rebuilt


class Saved(Enum):
    """What became of a write."""

    WRITTEN = "written"
    REPEATED = "repeated"
    NOT_MINE = "token"
    MOVED = "offsets"

    @property
    def done(self) -> bool:
        """Whether the write stands in the store."""
        return self in {Saved.WRITTEN, Saved.REPEATED}


@dataclass(frozen=True, slots=True)
class Wait:
    """One entry of the pending index: a user waits for an item until a deadline, ms since 1970."""

    item_id: str
    user_id: str
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class Lease:
    """My lease of a partition at one moment: the token I wrote, and topic -> next offset as the states stand.

    unpublished: lists that the worker before me, or a batch that did not come to its end, may not have published: user
    -> the events that each names. answers: to commands, which they may not have told.
    """

    token: str = ""
    offsets: Mapping[str, int] = field(default_factory=dict)
    unpublished: Mapping[str, list[Ref]] = field(default_factory=dict)
    answers: Sequence[Answer] = ()


@dataclass(slots=True)
class Commit:
    """What one write to a partition has.

    lease: as when the states were loaded. offsets: topic -> next one. unpublished: user -> what the list to come names.
    erased: user -> when, ms since 1970. Nothing else of them is kept, but for what `states` has of them.
    listed: user -> what is known of the list on the topic (stream/store/published_lists.py); None: nothing any more.
    answers: what is to be told of commands once this is written.
    """

    partition: int
    lease: Lease
    states: dict[str, UserState] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    waits: list[Wait] = field(default_factory=list)
    no_longer: list[Wait] = field(default_factory=list)
    unpublished: dict[str, list[Ref]] = field(default_factory=dict)
    erased: dict[str, int] = field(default_factory=dict)
    listed: Mapping[str, bytes | None] = field(default_factory=dict)
    answers: Sequence[Answer] = ()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in seconds: an idle user's record, and the digest of an erased one.

    erasure_secret: the digests' key. None: one made at first use, which stays in the store.
    """

    idle_expiry_s: int
    erased_s: int = 90 * 86_400
    erasure_secret: bytes | None = field(default=None, repr=False)


class UserStore(Protocol):
    """What the pipeline asks of a store: Redis, or the dictionaries that tests use (stream/testing.py)."""

    def lease(self, partition: int) -> Lease:
        """See `Store.lease`."""
        ...

    async def load(self, partition: int, users: Sequence[str]) -> dict[str, UserState]:
        """See `Store.load`."""
        ...

    async def save(self, commit: Commit) -> Saved:
        """See `Store.save`."""
        ...

    async def owns(self, partition: int) -> bool:
        """See `Store.owns`."""
        ...

    def mark_published(self, partition: int, token: str) -> None:
        """See `Store.mark_published`."""
        ...

    def mark_answered(self, partition: int, token: str) -> None:
        """See `Store.mark_answered`."""
        ...


def refuse_foreign(stored: Iterable[str], mine: Mapping[str, str]) -> None:
    """Raise Misconfigured if an offset counts another topic of a name that I know.

    stored: fields of the offsets, `topic@identity`. mine: topic -> the field that I count it under.
    """
    topics = {name: name.partition("@")[0] for name in stored}  # Kafka allows no @ in a name
    if foreign := sorted({topic for name, topic in topics.items() if mine.get(topic, name) != name}):
        raise Misconfigured(
            f"the store's offsets are of other topics that have the names {', '.join(foreign)}: created again "
            "and adopted while this worker ran; start it again"
        )


def now_ms() -> int:
    """The wall clock, ms since 1970."""
    return time.time_ns() // 1_000_000
