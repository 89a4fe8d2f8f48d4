"""Records of the topics into tables. No I/O."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from penchant.client.gone_items import GoneItems
from penchant.client.list_table import ListTable
from penchant.partitioner import partition_of
from penchant.topics import TRENDING, Topics

__all__ = ["ListFeed"]

_DECODED_AT_START = 10_000  # lists; of more, each is when it is first asked for: it takes three times the memory


@dataclass
class Tables:
    """What was read of the topics since they were made."""

    lists: ListTable
    gone: GoneItems = field(default_factory=GoneItems)


class ListFeed:
    """A `Sink`. scope: which partitions of lists are followed, None for all. most: lists that are kept, None for all.

    tables: what is answered from. tell: is told whose list is new, or was erased, from when all was read.
    """

    def __init__(self, topics: Topics, scope: frozenset[int] | None = None, most: int | None = None) -> None:
        self.tables = Tables(ListTable(most))
        self.ready = Event()
        self.tell: Callable[[str, bool], None] = lambda user_id, erased: None
        self._topics = topics
        self._scope = scope
        self._most = most
        self._count = 0  # of partitions, 0 until it is known
        self._reading = self.tables  # others while topics that were made anew are read

    def begin(self, partitions: Mapping[str, Collection[int]]) -> None:
        """See `Sink.begin`. What was read before is answered from until all of the new was read."""
        self._count = len(partitions[self._topics.recommendations])
        self._reading = Tables(ListTable(self._most))
        if not self.ready.is_set():
            self.tables = self._reading

    def take(self, record: Any) -> None:
        """See `Sink.take`."""
        if record.topic == self._topics.items:
            self._reading.gone.take(record.key, record.value)
            return
        user_id = (record.key or b"").decode(errors="replace")  # workers' are UTF-8; another's is nobody's
        if not user_id or (self._scope is not None and record.partition not in self._scope and user_id != TRENDING):
            return
        lists, current = self._reading.lists, self._reading is self.tables and self.ready.is_set()
        if record.value is None:
            if lists.erase(user_id) and current:
                self.tell(user_id, True)
        elif lists.put(user_id, record.value, record.partition, record.offset):
            if current or len(lists) <= _DECODED_AT_START:
                lists.find(user_id)  # decoded here, so that who asks for it does not wait
            if current:
                self.tell(user_id, False)

    def caught_up(self) -> None:
        """See `Sink.caught_up`. Every list that is kept is told, but for what stood before topics were made anew."""
        before = self.tables.lists if self.ready.is_set() else ListTable()
        self.tables = self._reading
        self.ready.set()
        after = self.tables.lists
        for user_id in after.kept():
            if after.version(user_id) != before.version(user_id):
                self.tell(user_id, False)

    def followed(self, topic: str, partitions: Collection[int]) -> Collection[int]:
        """Which of a topic's partitions are read: of the lists those in scope, and where the trending list is."""
        if topic == self._topics.items or self._scope is None:
            return partitions
        return sorted({*self._scope, partition_of(TRENDING, len(partitions))} & {*partitions})

    def refuse_elsewhere(self, user_id: str) -> None:
        """Raise ValueError for a user whose lists are not followed."""
        if self._scope is None or not self._count or user_id == TRENDING:
            return
        partition = partition_of(user_id, self._count)
        if partition not in self._scope:
            raise ValueError(f"the lists of {user_id!r} are on partition {partition}, which is not followed here")
