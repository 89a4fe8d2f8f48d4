"""The client that follows everybody's lists: `Recommendations`."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Self

from penchant.client.list_feed import ListFeed
from penchant.client.list_reader import ListReader
from penchant.client.list_table import Entry, Place
from penchant.topics import Topics

if TYPE_CHECKING:
    from penchant.kafka.following import Follower
    from penchant.kafka.placed_records import PlacedRecords

__all__ = ["Recommendations"]


class Recommendations(ListReader):
    """Follows `recommendations.v1` from its beginning, in a thread of its own, and keeps each user's newest list.

    For a `with` or `async with` block, or between `start` and `close`. It goes on by itself through everything that may
    happen to the broker, also if there is none yet: `ready` says when all was read, `problem` why nothing can be.

    bootstrap: Kafka's servers, host:port, several with commas. prefix: the first part of the topics' names.
    partitions: which of the topic's are followed; None for all. max_users: whose lists are kept in memory, those used
    last; None for all. Others are read from the topic again when they are asked for. silent_s: after so long without a
    word from the broker lists are `stale`. kafka: more options of kafka-python's consumer, such as `security_protocol`.
    """

    def __init__(
        self,
        bootstrap: str,
        prefix: str = "penchant",
        *,
        partitions: Collection[int] | None = None,
        max_users: int | None = None,
        silent_s: float = 30.0,
        kafka: Mapping[str, object] | None = None,
    ) -> None:
        topics = Topics(prefix)
        scope = None if partitions is None else frozenset(partitions)
        super().__init__(ListFeed(topics, scope, max_users))
        self._bootstrap = bootstrap
        self._topics = topics
        self._silent_s = silent_s
        self._kafka = dict(kafka or {})
        self._follower: Follower | None = None
        self._placed: PlacedRecords | None = None
        self._placed_lock = Lock()

    def start(self) -> Self:
        """Begin to follow; returns at once."""
        from penchant.kafka.following import Follower, consumer_options

        if self._follower is not None:
            return self
        topics = (self._topics.recommendations, self._topics.items)
        options = consumer_options(self._bootstrap, self._kafka)
        self._follower = Follower(options, topics, self._feed.followed, self._feed)
        self._follower.start()
        return self

    def close(self) -> None:
        """Stop following. What was read can still be asked for."""
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
        with self._placed_lock:
            if self._placed is not None:
                self._placed.close()
                self._placed = None

    @property
    def problem(self) -> str:
        """Why nothing can be read now; "" if it can."""
        if self._follower is None:
            return "it was not started"
        if self._unheard():
            return self._follower.problem or f"the broker has not been heard for {self._silent_s:g} s"
        return self._follower.problem

    def _unheard(self) -> bool:
        follower = self._follower
        return follower is None or time.monotonic() - follower.heard_s > self._silent_s

    def _read_again(self, user_id: str, place: Place) -> Entry | None:
        from penchant.kafka.following import consumer_options
        from penchant.kafka.placed_records import PlacedRecords

        lists = self._feed.tables.lists
        with self._placed_lock:
            if self._follower is None:
                return None
            if self._placed is None:
                options = consumer_options(self._bootstrap, self._kafka)
                self._placed = PlacedRecords(options, self._topics.recommendations)
            raw = self._placed.read(place.partition, place.offset, user_id.encode())
        if raw is not None:
            lists.put_back(user_id, place, raw)
        return lists.find(user_id)
