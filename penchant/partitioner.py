"""Where a record of a user or an item belongs: murmur2 of its key, as Java's and kafka-python's producers choose.

Reference: Appleby, MurmurHash2 (2008), with the seed of Apache Kafka's `org.apache.kafka.common.utils.Utils.murmur2`.
"""

import struct

__all__ = ["partition_of"]

_SEED = 0x9747B28C
_FACTOR, _SHIFT = 0x5BD1E995, 24
_MASK = 0xFFFFFFFF


def partition_of(key: str | bytes, partitions: int) -> int:
    """The partition of a key, among so many: murmur2, its sign bit cut off, modulo their number.

    >>> partition_of("u1", 4), partition_of(b"u1", 4)
    (0, 0)
    """
    return (murmur2(key.encode() if isinstance(key, str) else key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The 32-bit hash, as an unsigned number.

    >>> murmur2(b"21") == -973932308 % 2**32
    True
    """
    whole = len(data) & ~3
    found = _SEED ^ len(data)
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        mixed = word * _FACTOR & _MASK
        found = found * _FACTOR & _MASK ^ (mixed ^ mixed >> _SHIFT) * _FACTOR & _MASK
    if len(data) > whole:
        found = (found ^ int.from_bytes(data[whole:], "little")) * _FACTOR & _MASK
    found = (found ^ found >> 13) * _FACTOR & _MASK
    return found ^ found >> 15
