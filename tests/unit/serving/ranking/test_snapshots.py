"""Snapshots whose checksum fits and whose content cannot be: refused, and never half taken over."""

import binascii
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from penchant.errors import BrokenState
from serving.ranking import snapshots
from serving.ranking.covisits import MOST_NEIGHBOURS
from serving.ranking.ease import TOP_ITEMS
from serving.ranking.popularity import FADES
from stream.testing import NOW_MS
from tests.unit.serving.ranking.test_statistics import COVISITS, fresh, message

HEADER, ITEMS, GRAM = 0, 1, 2
# The places of fields in the arrays.
CHUNKS, REACHED, APPLIED, SINCE, NOW, BEGAN_MS = 1, 3, 5, 8, 9, 10
IDS, TOTALS, SIZES, NEIGHBOURS, CO_OCCURRENCE, FADING, MOMENTS, SHARES = 0, 1, 3, 4, 5, 8, 9, 10


def bodies() -> list[Any]:
    """A snapshot of three items, value by value."""
    statistics = fresh()
    statistics.apply(message(0, "a", "b", "c"))
    values = snapshots.encode(statistics.snapshot(COVISITS, 3, NOW_MS))
    return [msgspec.msgpack.decode(value[4:]) for value in values]


def sealed(value: Any) -> bytes:
    body = value if isinstance(value, bytes) else msgspec.msgpack.encode(value)
    return binascii.crc32(body).to_bytes(4, "little") + body


def doubles(*numbers: float) -> bytes:
    return np.array(numbers, "<f8").tobytes()


def wholes(*numbers: int) -> bytes:
    return np.array(numbers, "<i4").tobytes()


def put(number: int, field: int, content: Any) -> Callable[[list[Any]], None]:
    def change(values: list[Any]) -> None:
        values[number][field] = content

    return change


def whole(number: int, content: Any) -> Callable[[list[Any]], None]:
    def change(values: list[Any]) -> None:
        values[number] = content

    return change


def test_what_was_not_changed_is_read() -> None:
    assert snapshots.decode([sealed(value) for value in bodies()]).ids == ["a", "b", "c"]


def test_what_told_no_shares_is_read_as_if_each_event_had_been_its_day_s_first() -> None:
    values = bodies()
    del values[1][SHARES:]

    popular = snapshots.decode([sealed(value) for value in values]).popular
    assert popular.shares.tolist() == popular.totals.tolist()


@pytest.mark.parametrize(
    "change",
    [
        whole(HEADER, 7),
        whole(HEADER, []),
        whole(HEADER, {}),
        whole(HEADER, ["2"]),
        whole(HEADER, [-1]),
        whole(HEADER, b"\xc1"),
        whole(HEADER, b"\xa2\xff\xff"),
        whole(HEADER, b"\x91" * 5000),
        whole(ITEMS, []),
        whole(GRAM, None),
        put(HEADER, CHUNKS, 2**40),
        put(HEADER, CHUNKS, -1),
        put(HEADER, REACHED, -1),
        put(HEADER, APPLIED, [["a", "b", "0", 0]]),
        put(HEADER, SINCE, [float("nan")] * FADES),
        put(HEADER, SINCE, [1e9] * FADES),
        put(HEADER, NOW, [0.0] * (FADES - 1)),
        put(HEADER, NOW, [1e9] * FADES),
        put(HEADER, BEGAN_MS, 1e300),
        put(ITEMS, IDS, ["a"]),
        put(ITEMS, TOTALS, b"\0" * 7),
        put(ITEMS, TOTALS, doubles(1, 1, np.nan)),
        put(ITEMS, TOTALS, doubles(1, 1, -1)),
        put(ITEMS, FADING, doubles(1, 1)),
        put(ITEMS, FADING, doubles(*([1] * (3 * FADES - 1)), np.inf)),
        put(ITEMS, MOMENTS, doubles(*([-1] * 12))),
        put(ITEMS, MOMENTS, doubles(*([1] * 11), np.nan)),
        put(ITEMS, SIZES, wholes(2, 2, 3)),
        put(ITEMS, SIZES, wholes(-1, 5, 2)),
        put(ITEMS, SIZES, wholes(0, 0, MOST_NEIGHBOURS + 1)),
        put(ITEMS, NEIGHBOURS, wholes(0, 1, 2, 0, 1, 9)),
        put(ITEMS, NEIGHBOURS, wholes(0, 1, 2, 0, 1, -1)),
        put(ITEMS, CO_OCCURRENCE, np.full(6, np.inf, "<f4").tobytes()),
        put(GRAM, 0, wholes(0, 1, 99)),
        put(GRAM, 0, wholes(0, 1, 1)),
        put(GRAM, 0, wholes(*range(TOP_ITEMS + 1))),
        put(GRAM, 1, np.full(6, np.nan, "<f4").tobytes()),
        put(GRAM, 1, np.full(5, 1, "<f4").tobytes()),
    ],
)
def test_what_cannot_be_is_refused(change: Callable[[list[Any]], None]) -> None:
    values = bodies()
    change(values)
    with pytest.raises(BrokenState, match="the snapshot of the item statistics"):
        snapshots.decode([sealed(value) for value in values])
