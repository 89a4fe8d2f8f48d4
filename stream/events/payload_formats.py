"""Names what a value looks like that is no JSON, so that its producer knows what to change. Never raises.

By the first bytes, as `file` does. Only what stands in the dead letters anyway comes here.
"""

import re
from collections.abc import Callable

__all__ = ()

_LOOK = 4096  # bytes or characters that are looked at: beginnings tell, and a value may be megabytes

_PLAIN = "send JSON in UTF-8"
_CONVERT = "use a JSON converter or serializer"
_UNPACKED = "send the JSON itself, and have the producer compress batches (`compression.type`)"
_RECODED = "encode the JSON as UTF-8"
_BEGINNINGS = (
    (b"\x1f\x8b", "gzip", _UNPACKED),
    (b"\x28\xb5\x2f\xfd", "zstd", _UNPACKED),
    (b"\x04\x22\x4d\x18", "lz4", _UNPACKED),
    (b"\xff\x06\x00\x00sNaPpY", "snappy", _UNPACKED),
    (b"\x82SNAPPY\x00", "snappy", _UNPACKED),
    (b"BZh", "bzip2", _UNPACKED),
    (b"\xfd7zXZ\x00", "xz", _UNPACKED),
    (b"PK\x03\x04", "a zip file", _UNPACKED),
    (b"Obj\x01", "an Avro file", _PLAIN),
    (b"\xc3\x01", "Avro (a single object)", _CONVERT),
    (b"PAR1", "a Parquet file", _PLAIN),
    (b"ORC\n", "an ORC file", _PLAIN),
    (b"\xac\xed\x00\x05", "a serialised Java object", _CONVERT),
    (b":)\n", "Smile", _CONVERT),
    (b"\xe0\x01\x00\xea", "Amazon Ion", _CONVERT),
    (b"\xd9\xd9\xf7", "CBOR", _CONVERT),
    (b"\xff\xfe\x00\x00", "UTF-32", _RECODED),
    (b"\x00\x00\xfe\xff", "UTF-32", _RECODED),
    (b"\xff\xfe", "UTF-16", _RECODED),
    (b"\xfe\xff", "UTF-16", _RECODED),
)
_CONTROL = re.compile(rb"[^\t\n\r\x20-\x7e\x80-\xff]")
_FORM = re.compile(r"[\w.%+\[\]-]+=[^\s&]*(?:&[\w.%+\[\]-]+=[^\s&]*)*")
_COLUMNS = re.compile(r"[^\n]*?[,;\t|](?! )[^\n]*?[,;\t|](?! )")


def named(value: bytes) -> str:
    """What it looks like and what to do about it: "it looks like gzip: send the JSON itself"."""
    head = value[:_LOOK]
    if not head.strip():
        return f"it is empty: {_PLAIN}"
    for beginning, what, remedy in _BEGINNINGS:
        if head.startswith(beginning):
            return f"it looks like {what}: {remedy}"
    for looks, what, remedy in _SHAPES:
        if looks(value):
            return f"it looks like {what}: {remedy}"
    if _CONTROL.search(head):
        return f"it is binary data, which begins with {value[:8].hex(' ')}: {_PLAIN}"
    try:
        text = value.decode().strip()[:_LOOK]
    except UnicodeDecodeError as error:
        return f"it is not UTF-8: no {value[error.start]:#04x} can stand at byte {error.start}: {_RECODED}"
    return next(f"it looks like {what}: {remedy}" for looks, what, remedy in _TEXTS if looks(text))


def _utf_32(value: bytes) -> bool:
    little, big = value[1:4] + value[5:8], value[:3] + value[4:7]
    letters = value[:8].replace(b"\0", b"")
    return bytes(6) in {little, big} and len(letters) == 2 and _CONTROL.search(letters) is None


def _utf_16(value: bytes) -> bool:
    odd, even = value[1:8:2], value[:8:2]
    return len(value) >= 4 and ((not any(odd) and all(even)) or (not any(even) and all(odd)))


def _bson(value: bytes) -> bool:
    return len(value) > 4 and int.from_bytes(value[:4], "little") == len(value) and value[-1] == 0


def _behind_schema_id(value: bytes) -> bool:
    return value[0] == 0 and len(value) > 5


def _glue(value: bytes) -> bool:
    return value[0] == 3 and len(value) > 18 and value[1] in {0, 5}


def _pickle(value: bytes) -> bool:
    return value[0] == 0x80 and value[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"} and value.endswith(b".")


def _message_pack(value: bytes) -> bool:
    """A map whose first key is a string."""
    first = {0xDE: 3, 0xDF: 5}.get(value[0], 1 if 0x81 <= value[0] <= 0x8F else len(value))
    return len(value) > first and (0xA0 <= value[first] <= 0xBF or value[first] in {0xD9, 0xDA})


def _cbor(value: bytes) -> bool:
    """A map whose first key is a string."""
    first = {0xB8: 2, 0xB9: 3, 0xBF: 1}.get(value[0], 1 if 0xA1 <= value[0] <= 0xB7 else len(value))
    return len(value) > first and 0x60 <= value[first] <= 0x79


def _zlib(value: bytes) -> bool:
    return value[:2] in {b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"} and _CONTROL.search(value[:64]) is not None


def _snappy(value: bytes) -> bool:
    """How long it was, then a first stretch as it stood there: the beginning of the JSON."""
    size = _number(value, 0)
    begins = value[:8].find(b"{")
    return size is not None and 1 <= begins - size[1] <= 3 and value[size[1]] & 3 == 0 and size[0] > begins


def _protobuf(value: bytes) -> bool:
    """Fields, one behind the other, that end where the value does."""
    at = 0
    for _ in range(64):
        at = _after_field(value, at)
        if not at or at == len(value):
            break
    return bool(at) and _CONTROL.search(value[:64]) is not None


def _after_field(value: bytes, at: int) -> int:
    """Where the field ends that begins here; 0 if none does."""
    tag = _number(value, at)
    number = _number(value, tag[1]) if tag is not None else None
    if tag is None or tag[0] < 8:
        return 0
    kind = tag[0] & 7
    if kind in {0, 2} and number is not None:
        end = number[1] + (number[0] if kind == 2 else 0)
    else:
        end = tag[1] + {1: 8, 5: 4}.get(kind, len(value))
    return end if end <= len(value) else 0


def _number(value: bytes, at: int) -> tuple[int, int] | None:
    """A number in bytes of seven bits, and where it ends."""
    number = 0
    for n, byte in enumerate(value[at : at + 10]):
        number |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return number, at + n + 1
    return None


_SHAPES: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (_utf_32, "UTF-32", _RECODED),
    (_utf_16, "UTF-16", _RECODED),
    (_bson, "BSON", _CONVERT),
    (_behind_schema_id, "Avro or Protobuf behind a schema id (Confluent's framing)", _CONVERT),
    (_glue, "Avro or Protobuf behind a schema id (AWS Glue's framing)", _CONVERT),
    (_pickle, "a Python pickle", "send `json.dumps(…).encode()`"),
    (_message_pack, "MessagePack", _CONVERT),
    (_cbor, "CBOR", _CONVERT),
    (_zlib, "zlib", _UNPACKED),
    (_snappy, "snappy", _UNPACKED),
    (_protobuf, "Protobuf", _CONVERT),
)
_TEXTS: tuple[tuple[Callable[[str], object], str, str], ...] = (
    (lambda text: text.startswith("<"), "XML or HTML", _PLAIN),
    (lambda text: text.startswith("eyJ"), "JSON in base64", f"{_PLAIN}, without base64"),
    (lambda text: text.startswith(("{'", "[{'")), "a Python object that was printed", "send `json.dumps(…).encode()`"),
    (re.compile(r"\{\s*\w+\s*:").match, "an object of JavaScript", "put names between double quotes"),
    (lambda text: text.startswith(("{", "[")), "JSON with a mistake in it", _PLAIN),
    (_FORM.fullmatch, "fields of a web form", _PLAIN),
    (_COLUMNS.match, "a line of a table", "send JSON, or the file with `penchant produce`"),
    (lambda _: True, "plain text", _PLAIN),
)
