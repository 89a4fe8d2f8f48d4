"""Kafka's codecs, each opened within a bound: what is small on the wire may be gigabytes when it is open."""

import struct
import zlib
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import cramjam

__all__ = ()

_FIRST_GUESS = 8  # how many times larger than its packed form a batch is taken to be at first
_FULL = "failed to write whole buffer"  # cramjam's words for a buffer that is too small
_XERIAL = b"\x82SNAPPY\x00"  # how Java's snappy frames its blocks; franz-go and librdkafka write one bare block
_XERIAL_HEADER = 16


class Codec(IntEnum):
    """How a batch is packed: the lowest three bits of its attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class Unopenable(Exception):
    """Bytes that a codec does not open, or not within the bound. The message says which."""


def decompress(codec: int, packed: bytes, most: int) -> bytes:
    """Open what a producer packed, at most `most` bytes of it. Memory stays below three times that.

    Raises Unopenable if the codec is unknown, the bytes are not its, or more than `most` would come out.
    """
    if codec == Codec.NONE:
        return packed
    if codec not in _OPENERS:
        raise Unopenable(f"its codec has the number {codec}, which Kafka does not know")
    return _OPENERS[codec](packed, most)


def _too_large(most: int) -> Unopenable:
    return Unopenable(f"it unpacks to more than {most} bytes")


def _gzip(packed: bytes, most: int) -> bytes:
    out, left = bytearray(), packed
    while left:  # gzip files may stand one after another
        member = zlib.decompressobj(wbits=31)
        try:
            out += member.decompress(left, most + 1 - len(out))
        except zlib.error as error:
            raise Unopenable(f"it is not gzip: {error}") from error
        if len(out) > most:
            raise _too_large(most)
        if not member.eof:
            raise Unopenable("its gzip is cut short")
        left = member.unused_data
    return bytes(out)


def _snappy(packed: bytes, most: int) -> bytes:
    if not packed.startswith(_XERIAL):
        return _snappy_block(packed, most)
    out, at = bytearray(), _XERIAL_HEADER
    while at < len(packed):
        if at + 4 > len(packed):
            raise Unopenable("its snappy is cut short")
        (size,) = struct.unpack_from(">i", packed, at)
        block = packed[at + 4 : at + 4 + size] if size > 0 else b""
        if len(block) != size or not block:
            raise Unopenable("its snappy is cut short")
        out += _snappy_block(block, most - len(out))
        at += 4 + size
    return bytes(out)


def _snappy_block(block: bytes, most: int) -> bytes:
    try:
        if cramjam.snappy.decompress_raw_len(block) > most:  # it says so itself, before anything is unpacked
            raise _too_large(most)
        return bytes(cramjam.snappy.decompress_raw(block))
    except cramjam.DecompressionError as error:
        raise Unopenable(f"it is not snappy: {error}") from error


def _into(opener: Callable[[bytes, Any], int], name: str) -> Callable[[bytes, int], bytes]:
    """A codec whose frames need not say how large they are: into a buffer, which grows up to the bound."""

    def opened(packed: bytes, most: int) -> bytes:
        size = min(most, max(1 << 16, _FIRST_GUESS * len(packed)))
        while True:
            buffer = bytearray(size)
            try:
                written = opener(packed, buffer)
            except cramjam.DecompressionError as error:
                if _FULL not in str(error):
                    raise Unopenable(f"it is not {name}: {error}") from error
                if size >= most:
                    raise _too_large(most) from error
                size = min(most, 4 * size)
                continue
            return bytes(memoryview(buffer)[:written])

    return opened


_OPENERS: dict[int, Callable[[bytes, int], bytes]] = {
    Codec.GZIP: _gzip,
    Codec.SNAPPY: _snappy,
    Codec.LZ4: _into(cramjam.lz4.decompress_into, "lz4"),
    Codec.ZSTD: _into(cramjam.zstd.decompress_into, "zstd"),
}
