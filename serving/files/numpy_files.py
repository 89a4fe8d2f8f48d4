"""NumPy's files, read without trust: neither more memory than was asked for, nor anything but ValueError."""

from tokenize import TokenError
from typing import IO

import numpy as np
import numpy.typing as npt

# What NumPy's reader of headers lets through: it has Python's own parser read them.
_UNREADABLE = (TokenError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError, EOFError)
_MOST_WORDS_BYTES = 1 << 20


def read_floats(file: IO[bytes], shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """An array of this shape and float32, every number finite, from what `np.save` wrote.

    Raises ValueError: "is …", "has …" or "was …", for a sentence about the file.
    """
    found, by_column, kind = _header(file)
    if found != shape or kind != np.float32:
        raise ValueError(f"is {kind} {found}, not float32 {shape}")
    numbers = np.frombuffer(_read(file, 4 * int(np.prod(shape))), kind).astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("has numbers that are none (nan, inf)")
    return numbers.reshape(shape, order="F" if by_column else "C")


def read_words(file: IO[bytes]) -> str:
    """A text, from what `np.save` made of it. Raises ValueError as above."""
    found, _, kind = _header(file)
    if found != () or kind.char != "U" or kind.itemsize > _MOST_WORDS_BYTES:
        raise ValueError(f"is {kind} {found}, not a text")
    return str(np.frombuffer(_read(file, kind.itemsize), kind)[0]) if kind.itemsize else ""


def _read(file: IO[bytes], size: int) -> bytes:
    """So many bytes: what a header claims beyond that is never made room for."""
    data = file.read(size)
    if len(data) < size:
        raise ValueError("was cut short")
    return data


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(file)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(file)
    except (ValueError, *_UNREADABLE) as error:
        raise ValueError(f"has a header that cannot be read ({error})") from error
    raise ValueError(f"has the version {version}, which is not known")
