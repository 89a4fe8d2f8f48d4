"""What was done about commands, to be told on the log once it is saved: kept with the states until it was told."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """One command and what was done about it: its receipt, which names nobody. at_ms: when, since 1970."""

    command_id: str
    type: str
    status: Literal["done", "refused"]
    reason: str = ""
    removed: Mapping[str, int] = {}
    at_ms: int = 0


_decoder = msgspec.msgpack.Decoder(list[Answer])


def pack(answers: Sequence[Answer]) -> bytes:
    """As the store keeps them; empty: none."""
    return msgspec.msgpack.encode(answers) if answers else b""


def unpack(packed: bytes | None) -> list[Answer]:
    """See `pack`."""
    return _decoder.decode(packed) if packed else []
