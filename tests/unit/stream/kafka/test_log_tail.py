"""A log that ends before what was read of it is told; one that is merely said to end too early is not."""

from collections.abc import Collection, Mapping

import pytest

from penchant.errors import Misconfigured
from stream.kafka.log_tail import LogTail

CLICKS, REVIEWS = ("clicks", 2), ("reviews", 0)


class Ends:
    """What fetches tell, and how often it was asked."""

    def __init__(self, *told: int) -> None:
        self.told = list(told)
        self.asked = 0

    def __call__(self, places: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        self.asked += 1
        return dict.fromkeys(places, self.told.pop(0) if len(self.told) > 1 else self.told[0])


async def test_what_is_in_order_is_not_looked_into() -> None:
    ends = Ends(0)

    await LogTail(ends).check({CLICKS: 10, REVIEWS: 3}, {CLICKS: 10, REVIEWS: 7})
    assert ends.asked == 0


async def test_a_lost_end_is_told() -> None:
    with pytest.raises(Misconfigured, match="partition 2 of clicks ends at offset 5, and was read up to 10"):
        await LogTail(Ends(5), settles_s=0.0).check({CLICKS: 10}, {CLICKS: 5})


async def test_an_answer_that_is_too_low_is_looked_into_once() -> None:
    ends = Ends(10)
    tail = LogTail(ends)

    for _ in range(3):
        await tail.check({CLICKS: 10}, {CLICKS: 7})
    assert ends.asked == 1
    await tail.check({CLICKS: 10}, {CLICKS: 8})
    assert ends.asked == 2


async def test_a_new_leader_may_learn_late() -> None:
    await LogTail(Ends(5, 10), settles_s=0.0).check({CLICKS: 10}, {CLICKS: 5})
