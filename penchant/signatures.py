"""Commands that say by whom they were sent: HMAC-SHA256 (RFC 2104) of key and value, in a header. No I/O.

The header `penchant.signature` is `NAME:HEX`: the key's name, and the HMAC, by that key, of the length of the record's
key (4 bytes, big endian), the record's key, and its value.
"""

import hmac
from dataclasses import dataclass, field
from typing import Self

from penchant.errors import Misconfigured, Rejected, RejectReason

SIGNATURE = "penchant.signature"
_LEAST_BYTES = 16
_MOST_NAME_BYTES = 64


@dataclass(frozen=True)
class CommandKeys:
    """The keys that commands are signed by: with the first, and believed by any, so that they can be exchanged."""

    by_name: dict[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str, setting: str) -> Self:
        """From `NAME:SECRET`, several between blanks or lines. Raises Misconfigured, which quotes nothing of it.

        >>> keys = CommandKeys.parse("new:0123456789abcdef old:fedcba9876543210", "PENCHANT_COMMANDS_KEY")
        >>> list(keys.by_name)
        ['new', 'old']
        """
        by_name: dict[str, bytes] = {}
        for number, given in enumerate(text.split(), 1):
            name, colon, secret = given.partition(":")
            wrong = (
                "it is not NAME:SECRET"
                if not colon or not name
                else f"its name is not printable ASCII of at most {_MOST_NAME_BYTES} characters"
                if not (name.isascii() and name.isprintable()) or len(name) > _MOST_NAME_BYTES
                else f"its secret has fewer than {_LEAST_BYTES} bytes"
                if len(secret.encode()) < _LEAST_BYTES
                else "its name stands there twice"
                if name in by_name
                else ""
            )
            if wrong:
                raise Misconfigured(f"{setting}: key {number} cannot be used: {wrong}")
            by_name[name] = secret.encode()
        if not by_name:
            raise Misconfigured(f"{setting}: there is no key")
        return cls(by_name)

    def sign(self, key: bytes | None, value: bytes | None) -> bytes:
        """The header's value for a record.

        >>> CommandKeys.parse("shop:0123456789abcdef", "KEY").sign(b"u1", b"{}")[:16]
        b'shop:53607314c32'
        """
        name, secret = next(iter(self.by_name.items()))
        return f"{name}:{_mac(secret, key, value).hex()}".encode()

    def signer(self, key: bytes | None, value: bytes | None, signature: str | None) -> str:
        """The name of the key that signed a record. Raises Rejected if none did."""
        if signature is None:
            raise Rejected(RejectReason.UNSIGNED, f"it has no header `{SIGNATURE}`, which commands need here")
        name, _, told = signature.partition(":")
        secret = self.by_name.get(name)
        if secret is None:
            raise Rejected(RejectReason.UNSIGNED, f"`{SIGNATURE}` names a key that is not known here")
        if not hmac.compare_digest(_mac(secret, key, value).hex().encode(), told.encode()):
            raise Rejected(RejectReason.UNSIGNED, f"`{SIGNATURE}` is not that of this key and value")
        return name


def _mac(secret: bytes, key: bytes | None, value: bytes | None) -> bytes:
    framed = len(key or b"").to_bytes(4, "big") + (key or b"") + (value or b"")
    return hmac.digest(secret, framed, "sha256")
