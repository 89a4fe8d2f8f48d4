"""Users' states in memory, as a replay makes them: packed as in Redis, so that the codec runs, too."""

from collections.abc import Sequence

from serving.state import user_state as codec
from serving.state.user_state import UserState
from stream.store.base import Commit, Lease, Saved

__all__ = ()


class MemoryUsers:
    """A `UserStore` of one process, without offsets or a fence: a replay says itself how far it has read.

    About 3 KB a user. erased: partition -> user -> when, ms since 1970.
    """

    def __init__(self, fingerprint: str) -> None:
        self.erased: dict[int, dict[str, int]] = {}
        self._fingerprint = fingerprint
        self._records: dict[int, dict[str, bytes]] = {}

    def lease(self, partition: int) -> Lease:
        """No offsets: every record is new."""
        return Lease()

    async def owns(self, partition: int) -> bool:
        """Nobody else writes here."""
        return True

    async def load(self, partition: int, users: Sequence[str]) -> dict[str, UserState]:
        """See `UserStore.load`."""
        return {user: self.state(partition, user) for user in users}

    async def save(self, commit: Commit) -> Saved:
        """See `UserStore.save`."""
        records = self._records.setdefault(commit.partition, {})
        erased = self.erased.setdefault(commit.partition, {})
        for user, at_ms in commit.erased.items():
            records.pop(user, None)
            erased[user] = max(at_ms, erased.get(user, 0))
        records.update({user: codec.encode(state, self._fingerprint) for user, state in commit.states.items()})
        return Saved.WRITTEN

    def mark_published(self, partition: int, token: str) -> None:
        """Nothing is unpublished: a replay makes no lists."""

    def mark_answered(self, partition: int, token: str) -> None:
        """Nor does it answer commands."""

    def users(self, partition: int) -> list[str]:
        """Who has a state in a partition."""
        return list(self._records.get(partition, ()))

    def state(self, partition: int, user: str) -> UserState:
        """The state of a user; a fresh one for whom nothing is kept."""
        record = self._records.get(partition, {}).get(user)
        state = codec.decode(record, self._fingerprint) if record is not None else UserState()
        state.erased_ms = self.erased.get(partition, {}).get(user, 0)
        return state

    def __contains__(self, key: tuple[int, str]) -> bool:
        """Whether a user of a partition has a state."""
        return key[1] in self._records.get(key[0], ())
