"""Whose commands are taken: those that a known key signed, where there are keys (penchant/signatures.py)."""

from collections.abc import Callable

from penchant.errors import Rejected
from penchant.signatures import SIGNATURE, CommandKeys
from stream.events.records import ORIGIN, Record

Authority = Callable[[Record], str]  # the name of the key that signed a command; raises Rejected if none did


def by_keys(keys: CommandKeys | None) -> Authority | None:
    """By keys; None: commands need no signature."""
    if keys is None:
        return None

    def signer(record: Record) -> str:
        signature = record.header(SIGNATURE)
        try:
            return keys.signer(record.key, record.value, signature)
        except Rejected:
            if record.header(ORIGIN) is None:
                raise
            return keys.signer(None, record.value, signature)  # a copy has a key even if its original has none

    return signer
