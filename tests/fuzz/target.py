"""What a target is: a function of bytes, what it may raise, and what to begin with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum


class Form(Enum):
    """What the inputs of a target are, so that they can be changed as what they are."""

    JSON = "a JSON text"
    MSGPACK = "a MessagePack value"
    TEXT = "a text by lines"


@dataclass(frozen=True, kw_only=True)
class Target:
    """run: raises one of `allowed`, or nothing; whatever else it raises is a finding.

    corpus: inputs to begin with, most of them valid. words: what may be put in where something stands.
    most_s: of CPU for one input, on the machine that `harness.REFERENCE_S` was measured on, with coverage counted.
    most_mib: by how much one input may raise the process's peak memory. most_bytes: of an input.
    """

    run: Callable[[bytes], None]
    corpus: Sequence[bytes]
    form: Form = Form.JSON
    words: Sequence[str] = ()
    allowed: tuple[type[BaseException], ...] = ()
    most_s: float = 0.1
    most_mib: int = 64
    most_bytes: int = 4096
