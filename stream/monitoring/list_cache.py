"""The last list of each user whom this worker owns, to evaluate it by what the user takes next.

Bounded: who has had no list for the longest time goes first. Nothing of it is stored, and nothing of it stays behind:
who is erased, and who belongs to another worker, leaves it.
"""

from array import array
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

MOST_BYTES = 32 * 1024 * 1024
_ENTRY_BYTES = 560  # what an entry takes beside its rows and its user's id: objects, and its place in the dictionary


@dataclass(slots=True, eq=False)
class CachedList:
    """One list: its rows in the catalogue as int32, best first, and a byte for the source of each.

    trials, hits: of this user under this variant, so far.
    """

    partition: int
    version: int
    path: str
    variant: str
    rows: "array[int]"
    sources: bytes
    trials: int = 0
    hits: int = 0

    def place(self, row: int) -> int | None:
        """Where an item stands on it, from 1; None if it does not."""
        try:
            return self.rows.index(row) + 1
        except ValueError:
            return None


class ListCache:
    """See the module. `most_bytes`: of all entries together; a list of 20 takes about 0.7 KB."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.bytes = 0
        self._most_bytes = most_bytes
        self._lists: OrderedDict[str, CachedList] = OrderedDict()
        self._held: set[int] = set()

    def __len__(self) -> int:
        return len(self._lists)

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._lists

    def get(self, user_id: str) -> CachedList | None:
        """The user's last list, if it is known here."""
        return self._lists.get(user_id)

    def put(self, user_id: str, listed: CachedList) -> None:
        """Keep a user's new list; those without one for the longest time make room."""
        before = self._pop(user_id)
        if before is not None and before.variant == listed.variant:
            listed.trials, listed.hits = before.trials, before.hits
        self._lists[user_id] = listed
        self.bytes += _size(user_id, listed)
        while self.bytes > self._most_bytes:
            self._pop(next(iter(self._lists)))

    def forget(self, user_id: str) -> None:
        """Drop a user's list, if there is one."""
        self._pop(user_id)

    def keep(self, partitions: Collection[int]) -> None:
        """Drop the lists of users who belong to other partitions than these."""
        if self._held - set(partitions):
            for user_id in [user for user, listed in self._lists.items() if listed.partition not in partitions]:
                self._pop(user_id)
        self._held = set(partitions)

    def _pop(self, user_id: str) -> CachedList | None:
        listed = self._lists.pop(user_id, None)
        if listed is not None:
            self.bytes -= _size(user_id, listed)
        return listed


def _size(user_id: str, listed: CachedList) -> int:
    return _ENTRY_BYTES + 4 * len(user_id) + 5 * len(listed.rows)
