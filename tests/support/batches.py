"""Record batches, byte by byte, as other people's producers write them; also ones that none would."""

import gzip
import struct
from collections.abc import Callable, Sequence

import cramjam
from crc32c import crc32c

from penchant.kafka.codecs import Codec

PACKERS: dict[int, Callable[[bytes], bytes]] = {
    Codec.NONE: bytes,
    Codec.GZIP: gzip.compress,
    Codec.SNAPPY: lambda data: bytes(cramjam.snappy.compress_raw(data)),
    Codec.LZ4: lambda data: bytes(cramjam.lz4.compress(data)),
    Codec.ZSTD: lambda data: bytes(cramjam.zstd.compress(data)),
}
TRANSACTIONAL, CONTROL = 0x10, 0x20


def varint(number: int) -> bytes:
    raw = (number << 1) ^ (number >> 63)
    out = bytearray()
    while raw > 0x7F:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    return bytes([*out, raw])


def field(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content


def record(
    delta: int, value: bytes | None, key: bytes | None = b"k", headers: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    body = b"\0" + varint(delta) + varint(delta) + field(key) + field(value)
    body += varint(len(headers)) + b"".join(field(name) + field(content) for name, content in headers)
    return varint(len(body)) + body


def batch(
    base: int, parts: Sequence[bytes], codec: int = 0, attributes: int = 0, producer: int = -1, last: int | None = None
) -> bytes:
    payload = PACKERS[codec](b"".join(parts))
    delta = len(parts) - 1 if last is None else last - base
    tail = struct.pack(">hiqqqhii", attributes | codec, delta, 1000, 2000, producer, 0, 0, len(parts)) + payload
    return struct.pack(">qiibI", base, len(tail) + 9, 0, 2, crc32c(tail)) + tail


def marker(base: int, producer: int, *, abort: bool) -> bytes:
    key = struct.pack(">hh", 0, 0 if abort else 1)
    return batch(base, [record(0, b"\0\0\0\0\0\0", key)], attributes=TRANSACTIONAL | CONTROL, producer=producer)
