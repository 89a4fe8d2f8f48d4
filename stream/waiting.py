"""Who waits for which item: the worker's copy of the store's waiting index, for the partitions that are its own."""

from collections.abc import Iterable, Sequence
from itertools import islice

from stream.store import Wait


class WaitingIndex:
    """By item, the users with events that wait for its vector; and by when each gives up."""

    def __init__(self) -> None:
        # item id -> (partition, user id) -> deadline in ms since 1970
        self._by_item: dict[str, dict[tuple[int, str], int]] = {}

    def __contains__(self, item_id: str) -> bool:
        """Whether anybody waits for the item."""
        return item_id in self._by_item

    def items(self) -> list[str]:
        """The items that are waited for."""
        return list(self._by_item)

    def __len__(self) -> int:
        return sum(map(len, self._by_item.values()))

    def replace(self, partition: int, waits: Iterable[Wait]) -> None:
        """Take over a partition, as the store has it."""
        self.forget(partition)
        self.update(partition, waits, ())

    def forget(self, partition: int) -> None:
        """Drop a partition that another worker has now."""
        for item_id in list(self._by_item):
            users = self._by_item[item_id]
            for key in [key for key in users if key[0] == partition]:
                del users[key]
            if not users:
                del self._by_item[item_id]

    def update(self, partition: int, waits: Iterable[Wait], no_longer: Iterable[Wait]) -> None:
        """Follow a write to the store, in its order: first what waits now, then what waits no longer.

        A user whose two events for one item are folded in one batch waits until the second's deadline, then no more.
        """
        for wait in waits:
            self._by_item.setdefault(wait.item_id, {})[partition, wait.user_id] = wait.deadline_ms
        for wait in no_longer:
            users = self._by_item.get(wait.item_id, {})
            users.pop((partition, wait.user_id), None)
            if not users:
                self._by_item.pop(wait.item_id, None)

    def users(self, item_ids: Iterable[str]) -> dict[int, Sequence[str]]:
        """Who waits for any of these items: partition -> user ids."""
        return _by_partition(key for item_id in item_ids for key in self._by_item.get(item_id, ()))

    def next_users(self, item_id: str, most: int) -> dict[int, Sequence[str]]:
        """Of those who wait for an item the next `most`, whose turn comes again after all others'."""
        users = self._by_item.get(item_id, {})
        keys = list(islice(users, most))
        for key in keys:
            users[key] = users.pop(key)
        return _by_partition(keys)

    def count(self, item_id: str) -> int:
        """How many users wait for an item."""
        return len(self._by_item.get(item_id, ()))

    def overdue(self, now_ms: int) -> dict[int, Sequence[str]]:
        """Who has waited past a deadline: partition -> user ids."""
        return _by_partition(
            key for users in self._by_item.values() for key, deadline in users.items() if deadline <= now_ms
        )


def _by_partition(keys: Iterable[tuple[int, str]]) -> dict[int, Sequence[str]]:
    found: dict[int, dict[str, None]] = {}
    for partition, user_id in keys:
        found.setdefault(partition, {})[user_id] = None
    return {partition: list(users) for partition, users in found.items()}
