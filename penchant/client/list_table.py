"""The newest list of each user, as bytes until somebody asks for it. No I/O."""

import heapq
import logging
from collections import OrderedDict
from datetime import datetime
from threading import Lock

import msgspec

from penchant.messages import RecommendationList
from penchant.topics import TRENDING

__all__ = ()

_log = logging.getLogger(__name__)


class _Head(msgspec.Struct):
    version: int


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a list stands on the topic, for those that are not kept."""

    version: int
    partition: int
    offset: int


class Entry(msgspec.Struct, gc=False):
    """A list. raw: as it came, until it is decoded. made_s, expires_s: seconds since 1970, once it is; items: ids."""

    place: Place
    raw: bytes | None
    message: RecommendationList | None = None
    made_s: float = 0.0
    expires_s: float = 0.0
    items: tuple[str, ...] = ()


class ListTable:
    """One writer; readers may be in other threads. most: lists that are kept beside what trends, None for all.

    Of more, those go that were neither asked for nor made for the longest time; their places stay.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._entries: dict[str, Entry] = {} if most is None else OrderedDict()
        self._places: dict[str, Place] = {}
        self._lock = Lock()
        self._head = msgspec.json.Decoder(_Head).decode
        self._list = msgspec.json.Decoder(RecommendationList).decode

    def __len__(self) -> int:
        return len(self._entries) + len(self._places)

    def kept(self) -> list[str]:
        """Whose lists are kept, as of now."""
        return [*self._entries]

    def newest(self, most: int, like: str = "") -> list[tuple[str, int]]:
        """Whose lists are kept and newest, with their versions; like: a part of the id, in whatever case."""
        part = like.casefold()
        known = (
            (entry.place.version, user_id)
            for user_id, entry in [*self._entries.items()]
            if user_id != TRENDING and part in user_id.casefold()
        )
        return [(user_id, version) for version, user_id in heapq.nlargest(most, known)]

    def put(self, user_id: str, raw: bytes, partition: int = 0, offset: int = 0) -> bool:
        """Take in a list. False if it is older than the one that is there, or no list."""
        try:
            version = self._head(raw).version
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _log.warning("what stands at offset %d of partition %d is no list: %s", offset, partition, error)
            return False
        if version < self.version(user_id):
            return False
        self._keep(user_id, Entry(Place(version, partition, offset), raw))
        return True

    def put_back(self, user_id: str, place: Place, raw: bytes) -> None:
        """Take in again what had gone, unless there is a newer one by now."""
        if self._places.get(user_id) == place:
            self._keep(user_id, Entry(place, raw))

    def erase(self, user_id: str) -> bool:
        """Forget a user. False if nothing was known."""
        with self._lock:
            known = self._entries.pop(user_id, None) or self._places.pop(user_id, None)
        return known is not None

    def version(self, user_id: str) -> int:
        """Of the user's newest list; -1 if there is none."""
        entry = self._entries.get(user_id)
        place = entry.place if entry is not None else self._places.get(user_id)
        return -1 if place is None else place.version

    def gone(self, user_id: str) -> Place | None:
        """Where a list stands that is not kept; None if it is, or if there is none."""
        return self._places.get(user_id)

    def find(self, user_id: str) -> Entry | None:
        """The user's list, decoded; None if none is kept."""
        entry = self._entries.get(user_id)
        if entry is None:
            return None
        if self._most is not None:
            self._used(user_id)
        return entry if entry.message is not None else self._decoded(user_id, entry)

    def _decoded(self, user_id: str, entry: Entry) -> Entry | None:
        raw = entry.raw
        if raw is None:  # another thread was faster
            return entry
        try:
            message = self._list(raw)
            entry.made_s, entry.expires_s = _seconds(message.generated_at), _seconds(message.expires_at)
        except (ValueError, RecursionError) as error:  # msgspec's are ValueErrors
            _log.warning("the list of %r is none: %s", user_id, error)
            self.erase(user_id)
            return None
        entry.items = tuple(item.item_id for item in message.items)
        entry.message, entry.raw = message, None
        return entry

    def _keep(self, user_id: str, entry: Entry) -> None:
        if self._most is None:
            self._entries[user_id] = entry
            return
        with self._lock:
            self._places.pop(user_id, None)
            self._entries[user_id] = entry
            self._last(user_id)
            if len(self._entries) - (TRENDING in self._entries) > self._most:
                oldest = next(each for each in self._entries if each != TRENDING)
                self._places[oldest] = self._entries.pop(oldest).place

    def _used(self, user_id: str) -> None:
        with self._lock:
            if user_id in self._entries:
                self._last(user_id)

    def _last(self, user_id: str) -> None:
        if isinstance(self._entries, OrderedDict):
            self._entries.move_to_end(user_id)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
