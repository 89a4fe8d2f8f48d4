"""Files as people have them: gzip'd or not, in any Unicode encoding, with any line ends; and what is none of these.

What a file is, is told by its first bytes, never by its name. A `BadFile` says in one sentence what it is instead.
"""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from penchant.errors import BadFile

CHUNK = 64 * 1024
_GZIP = b"\x1f\x8b"
_HEAD = 512  # where a tar archive says what it is
_KINDS = (
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "`zstd -dc FILE | penchant produce -`"),
    (b"BZh", "packed with bzip2", "`bzip2 -dc FILE | penchant produce -`"),
    (b"\xfd7zXZ\0", "packed with xz", "`xz -dc FILE | penchant produce -`"),
    (b"\x04\x22\x4d\x18", "packed with lz4", "`lz4 -dc FILE | penchant produce -`"),
    (b"\xff\x06\x00\x00sNaPpY", "packed with snappy", "unpack it first"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "`unzip -p FILE | penchant produce -`, or export JSON lines"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it first"),
    (b"PAR1", "a Parquet file", "write it as JSON lines, as DuckDB's COPY or pandas' to_json(lines=True) do"),
    (b"SQLite format 3\0", "an SQLite database", "write a table as JSON lines, as `sqlite3 -json` and `jq -c .[]` do"),
    (b"Obj\x01", "an Avro file", "write it as JSON lines, as `avro-tools tojson` does"),
    (b"ORC", "an ORC file", "write it as JSON lines"),
    (b"ARROW1", "an Arrow file", "write it as JSON lines"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet or document of old Office", "export it as JSON lines"),
    (b"%PDF-", "a PDF", "export its data as JSON lines"),
    (b"\x93NUMPY", "a NumPy array", "write it as JSON lines"),
)  # fmt: skip


class ByteSource(Protocol):
    """Bytes to read."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, at most `size`; wait for the first byte; nothing at the end."""
        ...


class PeekedStream(io.RawIOBase):
    """A stream that was looked into, from its start. `taken`: so many bytes were handed on."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._head = b""
        self.taken = 0
        while len(self._head) < _HEAD and b"\n" not in self._head and (more := source.read1(CHUNK)):
            self._head += more

    @property
    def head(self) -> bytes:
        """Its first bytes: some hundred, or a line, or all."""
        return self._head

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Hand on the head, then what follows it."""
        some = self._head[: len(buffer)] or self._source.read1(len(buffer))
        self._head = self._head[len(some) :]
        buffer[: len(some)] = some
        self.taken += len(some)
        return len(some)

    def read1(self, size: int) -> bytes:
        """Return what is there."""
        return self.read(size) or b""


def text_of(name: str, packed: PeekedStream) -> Iterator[bytes]:
    """The text of a file in UTF-8, piece by piece; a byte order mark is left out. Raises `BadFile`."""
    source = packed
    if packed.head.startswith(_GZIP):
        with _damage(name):
            source = PeekedStream(gzip.GzipFile(fileobj=packed))
        if source.head.startswith(_GZIP):
            raise BadFile(f"{name} is packed twice: `gzip -dc FILE | penchant produce -`")
    _refuse_others(name, source.head)
    encoding = _encoding(source.head)
    if encoding == "utf-8" and _is_binary(source.head):
        raise BadFile(f"{name} is no text: JSON lines are read, one object a line, plain or gzip'd")
    return _decoded(name, source, encoding)


def _decoded(name: str, source: PeekedStream, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    with _damage(name):
        while piece := source.read1(CHUNK):
            # What is UTF-8 already is not looked at: a line that is none is that line's fault alone.
            yield piece if encoding == "utf-8" else decoder.decode(piece).encode()
        decoder.decode(b"", final=True)


def _encoding(head: bytes) -> str:
    """By its mark, else by where the zeros are in ASCII; a file that begins with many was padded with them."""
    return "utf-8" if head.startswith(b"\0\0\0\0") or not head else json.detect_encoding(head).removesuffix("-sig")


def _refuse_others(name: str, head: bytes) -> None:
    for start, kind, do in _KINDS:
        if head.startswith(start):
            raise BadFile(f"{name} is {kind}, which is not read: {do}")
    if head[257:262] == b"ustar":
        raise BadFile(f"{name} is a tar archive, which is not read: `tar -xOf FILE | penchant produce -`")


def _is_binary(head: bytes) -> bool:
    """More than a tenth of it is what no text has, and it does not begin as JSON does; runs of zeros only pad."""
    sample = head.replace(bytes(8), b"").lstrip()[:_HEAD]
    odd = sum(byte < 0x20 and byte not in b"\t\n\v\f\r" for byte in sample)
    return odd * 10 > len(sample) and not sample.startswith((b"{", b"["))


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise BadFile(f"cannot read {name} to its end, it is cut short or damaged: {error}") from error
