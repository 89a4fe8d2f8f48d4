"""Pairs that no worker can have written: refused whole, by everybody who follows them."""

import json
from typing import Any

import numpy as np
import pytest

from serving.ranking.covisit_messages import read_covisits, readable
from serving.state.history import OlderItems
from tests.support.states import pack_older_items
from tests.unit.serving.ranking.test_statistics import fresh, numbers

EARLIER = pack_older_items(OlderItems(np.array([7, 8], np.uint32), np.array([0.2, 1.0], np.float32)))
PAIR = [3, "i1", 0.5, [["i2", 1.0], ["i3", 0.3]], [0, 60], EARLIER, 1_795_341_600_123]


def message(*pairs: list[Any], **more: Any) -> bytes:
    whole = {"topic": "clicks", "partition": 0, "first": 0, "last": 9, "events": pairs}
    return json.dumps(whole | more).encode()


def changed(at: int, value: Any) -> list[Any]:
    return [*PAIR[:at], value, *PAIR[at + 1 :]]


def test_what_workers_write_is_read() -> None:
    made = read_covisits(message(PAIR, PAIR[:4], [0, "i1", 1000.0, []]))
    assert [each.item_id for each in made.events] == ["i1"] * 3


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b'{"more": ' + b"[" * 100_000,
        b"null",
        message(PAIR, partition=-1),
        message(PAIR, partition=2**40),
        message(changed(0, -1)),
        message(changed(0, 2**70)),
        message(changed(1, "")),
        message(changed(1, "i" * 257)),
        message(changed(2, -1.0)),
        message(changed(2, 1e300)),
        message(changed(2, float("nan"))),
        message(changed(3, [["i2", -1.0], ["i3", 1.0]])),
        message(changed(3, [["", 1.0], ["i3", 1.0]])),
        message(changed(3, [["i2", 1.0]] * 21)),
        message(changed(4, [0])),
        message(changed(4, [0, -5])),
        message(changed(5, "A")),
        message(changed(5, "AAAA")),
        message(changed(5, "*" + EARLIER)),
        message(changed(6, 2**60)),
    ],
)
def test_what_they_cannot_have_written_is_refused_whole(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_covisits(value)
    statistics = fresh()
    for each in readable([None, value, message(PAIR)]):
        statistics.apply(each)
    assert numbers(statistics) == (1, {"i1": (0.5, 0.5, 0.0)})
