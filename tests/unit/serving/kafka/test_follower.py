"""A followed topic with records that cannot be read or applied: the others are; if it hits all, following ends."""

from types import SimpleNamespace
from typing import Any

import pytest

from penchant.errors import Misconfigured
from penchant.kafka.batch_records import Unreadable
from serving.kafka.asynchronous import UnreadableHeaders
from serving.kafka.follower import Follower


def record(offset: int, value: bytes, headers: tuple[Any, ...] = ()) -> Any:
    return SimpleNamespace(topic="t", partition=0, offset=offset, key=None, value=value, headers=headers)


async def take(values: list[Any]) -> tuple[list[int], list[str]]:
    """Which numbers were applied, and the topics of what was left out."""
    applied: list[int] = []
    left_out: list[str] = []

    def apply(_: bytes | None, value: bytes | None) -> None:
        if value == b"ours":
            raise Misconfigured("a decision of its own")
        applied.append(int(value or b""))

    follower = Follower("127.0.0.1:1", "t", apply, on_skipped=left_out.append)
    try:
        for each in values:
            follower._apply_record(each)
    finally:
        await follower.stop()
    return applied, left_out


async def test_what_cannot_be_applied_hides_no_other() -> None:
    headers = UnreadableHeaders()
    headers.what = Unreadable(2, 2, "a header's name is not UTF-8")

    applied, left_out = await take([record(0, b"0"), record(1, b"x"), record(2, b"2", headers), record(3, b"3")])

    assert applied == [0, 3]
    assert left_out == ["t", "t"]


async def test_a_fault_that_hits_every_record_ends_it() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await take([record(n, b"x") for n in range(100)])
    applied, left_out = await take([record(n, b"x" if n % 99 else b"7") for n in range(300)])
    assert (len(applied), len(left_out)) == (4, 296)


async def test_an_error_of_ours_is_no_bad_record() -> None:
    with pytest.raises(Misconfigured):
        await take([record(0, b"ours")])
