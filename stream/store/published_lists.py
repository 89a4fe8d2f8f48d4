"""What the lists hold that stand on their topic, of the active users of this worker's partitions.

By it a list can be made again without an event of its user: because an item on it is not on offer any more, because
there was too little to fill it, or because it is about to expire. The store has the same, a user an entry, written with
the states of the next batch (stream/store/commit.lua). The lists of the last batch are published again by whoever
acquires the partition, and noted again, so nothing is missing after a death in between.

Bounded: who was active the longest time ago goes first, here and from the store.
"""

import asyncio
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from penchant.hashes import item_hash
from serving.arrays import Mask
from serving.catalogue import Catalogue
from serving.state.user_state import Ref

MOST_BYTES = 128 * 1024 * 1024
_ENTRY_BYTES = 250  # of a list beside its rows, its cause and its user's id: objects, a place in a dictionary
_COLUMNS = np.dtype(
    [
        ("partition", np.int32),  # -1: the slot is free
        ("made_s", np.uint32),
        ("active_s", np.uint32),
        ("offered", np.int32),
        ("live", np.bool_),
        ("gone", np.bool_),
        ("told", np.bool_),  # `due` told it: once, whatever comes of it
    ]
)
_NOBODY = -1
_NO_ROW = -1
_LISTS_AT_ONCE = 65_536  # looked through for what went: some ms
_GONE_AT_ONCE = 500  # a day's idle users go in many writes
_ROOM = 16  # as soon as there are too many, a sixteenth goes


class Why(IntEnum):
    """Why a list is to be made again; what is larger comes first."""

    EXPIRING = 1
    SHORT = 2
    GONE = 3


class StoredList(msgspec.Struct, array_like=True, frozen=True):
    """A list as the store has it. items: their 32-bit hashes, little endian; all else as in `PublishedList`."""

    made_s: int
    active_s: int
    offered: int
    live: bool
    cause: Ref | None
    items: bytes


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A list that was made at `made_s`, seconds since 1970.

    cause: the newest event that it names. live: whether it comes from the user's interests. wanting: whether more
    items would change it. active: whether an event of the user is behind it, and not only time.
    """

    item_ids: Sequence[str]
    cause: Ref | None
    made_s: int
    live: bool
    wanting: bool
    active: bool


class DueList(NamedTuple):
    """A list that is to be made again."""

    partition: int
    user_id: str
    cause: Ref | None
    why: Why


class PublishedLists:
    """See the module. k: how many items a list has. most_bytes: of all together; a list of 20 takes about 0.4 KB."""

    def __init__(self, catalogue: Catalogue | None = None, k: int = 0, most_bytes: int = MOST_BYTES) -> None:
        self.bytes = 0
        self._catalogue = Catalogue(1, "") if catalogue is None else catalogue
        self._most_bytes = most_bytes
        self._tokens: dict[int, str] = {}  # partition -> the lease under which its lists were noted
        self._unsaved: dict[int, dict[str, bytes | None]] = {}  # partition -> user -> entry; None: it is to go
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._users: list[str] = []
        self._causes: list[bytes] = []
        self._table: npt.NDArray[np.void] = np.zeros(0, _COLUMNS)
        self._rows: npt.NDArray[np.int32] = np.empty((0, k), np.int32)
        self._offer: Mask = np.zeros(0, np.bool_)  # what was on offer at the last look, or on a list since

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._slots

    @property
    def offered(self) -> int:
        """How many items are on offer."""
        return int(np.count_nonzero(self._on_offer()))

    def begin(self, partition: int, token: str) -> bool:
        """Note lists of a partition under a lease from now on. True if it is another: what was noted before is gone."""
        if self._tokens.get(partition) == token:
            return False
        self.leave([partition])
        self._tokens[partition] = token
        return True

    def keep(self, partitions: Collection[int]) -> None:
        """Drop the lists of all partitions but these."""
        self.leave([number for number in self._tokens if number not in partitions])

    def leave(self, partitions: Collection[int]) -> None:
        """Drop what is known of some partitions. The store's entries are for whoever has them now."""
        if not partitions:
            return
        for number in partitions:
            self._tokens.pop(number, None)
            self._unsaved.pop(number, None)
        for slot in np.flatnonzero(np.isin(self._table["partition"], list(partitions))).tolist():
            self._pop(self._users[slot])

    def note(self, partition: int, token: str, user_id: str, made: PublishedList) -> None:
        """A list was made under a lease of its partition."""
        self.begin(partition, token)
        before = self._slots.get(user_id)
        active_s = made.made_s if made.active or before is None else int(self._table["active_s"][before])
        short = made.wanting or len(made.item_ids) < self._rows.shape[1]
        hashes = array("I", map(item_hash, made.item_ids)).tobytes()
        entry = StoredList(made.made_s, active_s, self.offered if short else 0, made.live, made.cause, hashes)
        self._unsaved.setdefault(partition, {})[user_id] = msgspec.msgpack.encode(entry)
        rows = [self._catalogue.row(item_id) for item_id in made.item_ids]
        self._put(partition, user_id, entry, rows, gone=False)
        self._widen()
        self._offer[rows] = True

    def restore(self, partition: int, token: str, entries: Mapping[str, bytes]) -> None:
        """Take over what the store has; a list that was made since is newer. What cannot be read is left out."""
        offer = np.append(self._on_offer(), np.False_)  # the last is for what was never heard of: it went long ago
        for user_id, packed in entries.items():
            if user_id in self._slots or self._tokens.get(partition) != token:
                continue
            try:
                entry = msgspec.msgpack.decode(packed, type=StoredList)
                rows = self._catalogue.rows_of(np.frombuffer(entry.items, "<u4"))
            except (msgspec.MsgspecError, ValueError):
                continue
            self._put(partition, user_id, entry, rows.tolist(), gone=not offer[rows].all())

    def forget(self, users: Iterable[str]) -> None:
        """Keep nothing of some users' lists, here and in the store."""
        for user_id in users:
            slot = self._slots.get(user_id)
            if slot is not None:
                self._unsaved.setdefault(int(self._table["partition"][slot]), {})[user_id] = None
                self._pop(user_id)

    def see(self, users: Iterable[str], now_s: int) -> None:
        """Users are active whose lists stand as they are: something was shown to them."""
        for user_id in users:
            if (slot := self._slots.get(user_id)) is not None:
                self._table["active_s"][slot] = now_s

    def erase(self, partition: int, users: Iterable[str]) -> None:
        """Keep nothing of users who were erased; from the store they went with the erasure."""
        for user_id in users:
            self._unsaved.get(partition, {}).pop(user_id, None)
            self._pop(user_id)

    def unsaved(self, partition: int) -> dict[str, bytes | None]:
        """What the store does not know yet: user -> entry, None if it is to go, some of these at a time."""
        unsaved = self._unsaved.get(partition, {})
        made = {user_id: entry for user_id, entry in unsaved.items() if entry is not None}
        return {**made, **dict.fromkeys(islice((each for each in unsaved if each not in made), _GONE_AT_ONCE))}

    def saved(self, partition: int, entries: Mapping[str, bytes | None]) -> None:
        """The store knows it now."""
        unsaved = self._unsaved.get(partition, {})
        for user_id, entry in entries.items():
            if unsaved.get(user_id, b"") is entry:  # else there is a newer one
                del unsaved[user_id]

    async def look(self) -> None:
        """Find the lists with items that went since the last look; between some of them others take their turn."""
        self._widen()
        offer = self._on_offer()
        went = np.append(self._offer & ~offer, np.False_)  # the last is for lists that are short
        self._offer = offer.copy()
        if went.any():
            for at in range(0, len(self._rows), _LISTS_AT_ONCE):
                some = slice(at, at + _LISTS_AT_ONCE)
                self._table["gone"][some] |= went[self._rows[some]].any(axis=1)
                await asyncio.sleep(0)

    def due(self, now_s: int, renew_after_s: int, most: int) -> tuple[list[DueList], int]:
        """Lists to be made again, and how many more there are: first those with items that went, then the short ones.

        Of these those whose users were active last come first. Each is told once, until it is made again.
        renew_after_s: how old a list of a user's interests may become.
        """
        why = self._why(now_s, renew_after_s)
        slots = np.flatnonzero(why)
        first = why[slots].astype(np.int64) << 32 | self._table["active_s"][slots]
        if len(slots) > most:
            chosen = np.argpartition(-first, most)[:most]
            slots, first = slots[chosen], first[chosen]
        self._table["told"][slots] = True
        in_order = slots[np.argsort(-first, kind="stable")].tolist()
        return [self._due(slot, Why(why[slot])) for slot in in_order], int(np.count_nonzero(why)) - len(slots)

    def expire(self, active_since_s: int) -> None:
        """Keep nothing of the lists of those who were not active since."""
        idle = (self._table["partition"] != _NOBODY) & (self._table["active_s"] < active_since_s)
        self.forget([self._users[slot] for slot in np.flatnonzero(idle).tolist()])

    def _why(self, now_s: int, renew_after_s: int) -> npt.NDArray[np.uint8]:
        """`(capacity,)` of `Why`, 0 where nothing is due."""
        table = self._table
        why = np.zeros(len(table), np.uint8)
        why[table["live"] & (table["made_s"] + np.uint32(renew_after_s) <= now_s)] = Why.EXPIRING
        # Items come by the hundred: not a list for each.
        why[(table["offered"] > 0) & (table["offered"] < self.offered) & (table["made_s"] < now_s)] = Why.SHORT
        why[table["gone"]] = Why.GONE
        why[(table["partition"] == _NOBODY) | table["told"]] = 0
        return why

    def _due(self, slot: int, why: Why) -> DueList:
        cause = msgspec.msgpack.decode(self._causes[slot], type=Ref | None)
        return DueList(int(self._table["partition"][slot]), self._users[slot], cause, why)

    def _on_offer(self) -> Mask:
        return self._catalogue.available[: len(self._catalogue)]

    def _widen(self) -> None:
        """Know of the items that were heard of since."""
        more = len(self._catalogue) - len(self._offer)
        if more:
            self._offer = np.append(self._offer, np.zeros(more, np.bool_))

    def _put(self, partition: int, user_id: str, entry: StoredList, rows: Sequence[int], *, gone: bool) -> None:
        self._pop(user_id)
        slot = self._slots[user_id] = self._take_slot()
        self._users[slot], self._causes[slot] = user_id, msgspec.msgpack.encode(entry.cause)
        self._table[slot] = (partition, entry.made_s, entry.active_s, entry.offered, entry.live, gone, False)
        width = min(len(rows), self._rows.shape[1])
        self._rows[slot, :width], self._rows[slot, width:] = rows[:width], _NO_ROW
        self.bytes += self._size(slot)
        if self.bytes > self._most_bytes:
            self._make_room()

    def _take_slot(self) -> int:
        if self._free:
            return self._free.pop()
        if len(self._users) == len(self._table):
            more = max(1024, len(self._table))
            self._table = np.concatenate([self._table, np.zeros(more, _COLUMNS)])
            self._table["partition"][-more:] = _NOBODY
            self._rows = np.concatenate([self._rows, np.full((more, self._rows.shape[1]), _NO_ROW, np.int32)])
        self._users.append("")
        self._causes.append(b"")
        return len(self._users) - 1

    def _pop(self, user_id: str) -> None:
        slot = self._slots.pop(user_id, None)
        if slot is not None:
            self.bytes -= self._size(slot)
            self._users[slot], self._causes[slot] = "", b""
            self._table[slot] = (_NOBODY, 0, 0, 0, False, False, False)
            self._rows[slot] = _NO_ROW
            self._free.append(slot)

    def _make_room(self) -> None:
        slots = np.fromiter(self._slots.values(), np.intp, len(self._slots))
        many = max(len(slots) // _ROOM, 1)
        least = slots[np.argpartition(self._table["active_s"][slots], many - 1)[:many]]
        self.forget([self._users[slot] for slot in least.tolist()])

    def _size(self, slot: int) -> int:
        rows: int = self._rows.shape[1]
        return _ENTRY_BYTES + 4 * rows + 4 * len(self._users[slot]) + len(self._causes[slot])
