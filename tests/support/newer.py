"""A sealed record as a newer build would write it: checksum, then a MessagePack array, its version first."""

import binascii

import msgspec


def newer(sealed: bytes) -> bytes:
    """The same record, of the version after."""
    version, *rest = msgspec.msgpack.decode(sealed[4:])
    body = msgspec.msgpack.encode([version + 1, *rest])
    return binascii.crc32(body).to_bytes(4, "little") + body
