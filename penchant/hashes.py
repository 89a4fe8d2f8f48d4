"""The hashes that stand in stores for ids: another hash would make old ids and items unknown."""

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=1 << 16)
def item_hash(item_id: str) -> int:
    """The 32-bit hash under which an item stands in a seen set."""
    return int.from_bytes(blake2b(item_id.encode(), digest_size=4).digest(), "little")


def id_hash(event_id: str, namespace: str = "") -> int:
    """The 48-bit hash under which an event id is remembered.

    `namespace` is the topic's identity for ids made from offsets, which another topic of that name would repeat.
    """
    return int.from_bytes(blake2b(f"{namespace}\0{event_id}".encode(), digest_size=6).digest(), "little")


def fingerprint_bytes(fingerprint: str) -> bytes:
    """The 8 bytes by which a record names the model folder that its vectors are from."""
    return blake2b(fingerprint.encode(), digest_size=8).digest()
