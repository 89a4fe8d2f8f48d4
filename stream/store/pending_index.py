"""Who waits for which item: the worker's copy of the store's waiting index, for the partitions that are its own.

Nothing here looks at all who wait: what is due is found by a heap of deadlines, what has come is told by its name, and
a partition that goes takes its own with it.
"""

import heapq
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol

from stream.store.base import Wait

USERS_AT_ONCE = 1_000  # whose states are loaded, folded and written in one go
_LOOK_AT_ONCE = 20_000  # names of items: some ms
_AGAIN_MS = 60_000  # who is due is told again if that changed nothing


class _Known(Protocol):
    """The items that have a vector: a catalogue, or a set of ids."""

    def __contains__(self, item_id: str, /) -> bool: ...


class PendingIndex:
    """By item, the users with events that wait for its vector; and by when each expires.

    busy: whether there is more to tell than was told at once.
    """

    def __init__(self) -> None:
        self._partitions: dict[int, _PartitionIndex] = {}  # by partition
        self._arrived: dict[str, int] = {}  # items that may be known by now -> how many who wait were not told of
        self._late = False

    def __contains__(self, item_id: str) -> bool:
        """Whether anybody waits for the item."""
        return any(item_id in pending.by_item for pending in self._partitions.values())

    def items(self) -> list[str]:
        """The items that are waited for."""
        return list(dict.fromkeys(item_id for pending in self._partitions.values() for item_id in pending.by_item))

    def __len__(self) -> int:
        return sum(pending.size for pending in self._partitions.values())

    @property
    def busy(self) -> bool:
        """See the class."""
        return self._late or bool(self._arrived)

    def replace(self, partition: int, waits: Iterable[Wait]) -> None:
        """Take over a partition, as the store has it."""
        self.forget(partition)
        self.update(partition, waits, ())

    def forget(self, partition: int) -> None:
        """Drop a partition that another worker has now."""
        self._partitions.pop(partition, None)

    def update(self, partition: int, waits: Iterable[Wait], no_longer: Iterable[Wait]) -> None:
        """Follow a write to the store, in its order: first what waits now, then what waits no longer.

        A user whose two events for one item are folded in one batch waits until the second's deadline, then no more.
        """
        pending = self._partitions.get(partition) or _PartitionIndex()
        for wait in waits:
            pending.put(wait)
            self._arrived[wait.item_id] = 0  # its vector may have come while the event was on its way here
        for wait in no_longer:
            pending.take(wait)
        if pending.size:
            self._partitions[partition] = pending
        else:
            self._partitions.pop(partition, None)

    def came(self, item_id: str) -> bool:
        """Note that an item has a vector now. Returns whether anybody waits for it."""
        if item_id not in self:
            return False
        self._arrived[item_id] = 0
        return True

    def users(self, item_ids: Iterable[str]) -> dict[int, Sequence[str]]:
        """Who waits for any of these items: partition -> user ids."""
        ids = list(item_ids)
        found = {
            partition: list(dict.fromkeys(user for item_id in ids for user in pending.by_item.get(item_id, ())))
            for partition, pending in self._partitions.items()
        }
        return {partition: users for partition, users in found.items() if users}

    def woken(self, known: _Known, most: int = USERS_AT_ONCE) -> dict[int, Sequence[str]]:
        """Who waits for an item that is known by now: partition -> user ids, `most` at once; the others come next."""
        found: dict[int, dict[str, None]] = {}
        for item_id in list(islice(self._arrived, _LOOK_AT_ONCE)):
            if most <= 0:
                break
            if item_id not in known:
                del self._arrived[item_id]
                continue
            left = self._arrived[item_id] or self.count(item_id)
            told = self.next_users(item_id, min(left, most))
            for partition, users in told.items():
                found.setdefault(partition, {}).update(dict.fromkeys(users))
            many = sum(map(len, told.values()))
            most -= many
            if many and many < left:
                self._arrived[item_id] = left - many
            else:
                del self._arrived[item_id]
        self._arrived = self._arrived or {}  # one that was emptied is as long to look through as it was full
        return {partition: list(users) for partition, users in found.items()}

    def next_users(self, item_id: str, most: int) -> dict[int, Sequence[str]]:
        """Of those who wait for an item the next `most`, of all partitions alike; then the others follow."""
        found: dict[int, list[str]] = {}
        while most > 0:
            there = [
                (partition, users)
                for partition, pending in self._partitions.items()
                if len(users := pending.by_item.get(item_id, {})) > len(found.get(partition, ()))
            ]
            if not there:
                break
            share = max(most // len(there), 1)
            for partition, users in there[:most]:
                taken = found.setdefault(partition, [])
                again = list(islice(users, min(share, len(users) - len(taken), most)))
                for user in again:
                    users[user] = users.pop(user)
                taken += again
                most -= len(again)
        self._partitions = dict(sorted(self._partitions.items(), key=lambda pending: pending[0] in found))
        return dict(found)

    def count(self, item_id: str) -> int:
        """How many users wait for an item."""
        return sum(len(pending.by_item.get(item_id, ())) for pending in self._partitions.values())

    def overdue(self, now_ms: int, most: int = USERS_AT_ONCE) -> dict[int, Sequence[str]]:
        """Who has waited past a deadline: partition -> user ids, `most` at once; the others come next.

        Whoever was told of, and waits on all the same, is told of again after a minute.
        """
        found: dict[int, Sequence[str]] = {}
        for partition, pending in self._partitions.items():
            users = pending.overdue(now_ms, most)
            if users:
                found[partition] = users
                most -= len(users)
        self._late = most <= 0
        return found


class _PartitionIndex:
    """One partition's. by_item: item id -> user id -> deadline in ms since 1970; size: how many of them."""

    def __init__(self) -> None:
        self.by_item: dict[str, dict[str, int]] = {}
        self.size = 0
        # When to look, deadline, item, user. One whose deadline is not that any more is left in until its time.
        self._heap: list[tuple[int, int, str, str]] = []

    def put(self, wait: Wait) -> None:
        users = self.by_item.setdefault(wait.item_id, {})
        self.size += wait.user_id not in users
        if users.get(wait.user_id) == wait.deadline_ms:
            return
        users[wait.user_id] = wait.deadline_ms
        heapq.heappush(self._heap, (wait.deadline_ms, wait.deadline_ms, wait.item_id, wait.user_id))
        self._tidy()

    def take(self, wait: Wait) -> None:
        users = self.by_item.get(wait.item_id)
        if users is None or users.pop(wait.user_id, None) is None:
            return
        self.size -= 1
        if not users:
            del self.by_item[wait.item_id]
        self._tidy()

    def _tidy(self) -> None:
        """Drop what left, once it is more than what waits."""
        if len(self._heap) > 2 * self.size + 64:
            self._heap = [
                (deadline_ms, deadline_ms, item_id, user)
                for item_id, there in self.by_item.items()
                for user, deadline_ms in there.items()
            ]
            heapq.heapify(self._heap)

    def overdue(self, now_ms: int, most: int) -> list[str]:
        heap, found, again = self._heap, dict[str, None](), []
        while heap and heap[0][0] <= now_ms and len(found) < most:
            _, deadline_ms, item_id, user = heapq.heappop(heap)
            if self.by_item.get(item_id, {}).get(user) == deadline_ms:
                found[user] = None
                again.append((now_ms + _AGAIN_MS, deadline_ms, item_id, user))
        for each in again:
            heapq.heappush(heap, each)
        return list(found)
