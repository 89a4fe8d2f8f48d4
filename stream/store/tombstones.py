"""What remains of an erased user: a keyed digest and a time, by which records of before the erasure are known.

The digest is HMAC-SHA256 (RFC 2104) of the user's id. Without the secret nobody can tell whose it is, nor try ids out.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

SECRET_BYTES = 32
MOST_AHEAD_MS = 3_600_000  # of a command's time, as of the worker's clock
_NEVER_AHEAD_MS = 7 * 86_400_000  # what lies further ahead in the store is no clock that runs fast: it cannot be true


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Makes digests, and says how long they are kept.

    retention_ms: what of a user came before an erasure may come again for so long, as the input topics keep it.
    """

    secret: bytes
    retention_ms: int

    def of(self, user_id: str) -> bytes:
        """The digest of one user, 32 bytes.

        >>> Tombstones(b"Jefe", 0).of("what do ya want for nothing?").hex()[:16]  # RFC 4231, test case 2
        '5bdcc146bf60754e'
        """
        return hmac.digest(self.secret, user_id.encode(), "sha256")

    def outdated_ms(self, erasures_ms: Iterable[int], now_ms: int) -> int:
        """Digests of this time or before are dropped once there are erasures of these times: 0 without any.

        An erasure of later than now drops no more than one of now, whatever its command said.
        """
        return max(min(max(erasures_ms, default=0), now_ms) - self.retention_ms, 0)


def erased_at(command_ms: int, now_ms: int) -> int:
    """As of when a user is erased, by the time of the command's record: not much later than now.

    What comes from now on would be left out until then.
    """
    return min(command_ms, now_ms + MOST_AHEAD_MS)


def believed_ms(stored_ms: int, now_ms: int) -> int:
    """A time of erasure as the store has it, 0 if it cannot be true: an earlier version wrote what the command said."""
    return stored_ms if stored_ms <= now_ms + _NEVER_AHEAD_MS else 0
