"""What remains of an erased user: a keyed digest and a time, by which records of before the erasure are known.

The digest is HMAC-SHA256 (RFC 2104) of the user's id. Without the secret nobody can tell whose it is, nor try ids out.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Digests:
    """Makes digests, and says how long they are kept.

    retention_ms: what of a user came before an erasure may come again for so long, as the input topics keep it.
    """

    secret: bytes
    retention_ms: int

    def of(self, user_id: str) -> bytes:
        """The digest of one user, 32 bytes.

        >>> Digests(b"Jefe", 0).of("what do ya want for nothing?").hex()[:16]  # RFC 4231, test case 2
        '5bdcc146bf60754e'
        """
        return hmac.digest(self.secret, user_id.encode(), "sha256")

    def outdated_ms(self, erasures_ms: Iterable[int]) -> int:
        """Digests of this time or before are dropped once there are erasures of these times: 0 without any."""
        return max(max(erasures_ms, default=0) - self.retention_ms, 0)
