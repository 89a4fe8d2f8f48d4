"""Where reading goes on after the store was found elsewhere than it was left."""

from collections.abc import Mapping
from typing import cast

from faust.types import TP

from stream.partitions import Partitions
from stream.records import Record
from stream.store import Batch, Store
from stream.testing import NOW_MS, TOPICS, MemoryStore
from stream.waiting import WaitingIndex

CLICKS = TP(TOPICS.clicks, 0)


def record(offset: int) -> Record:
    return Record(TOPICS.clicks, 0, offset, NOW_MS, None, b"{}")


class Owner:
    """Partitions over a store in memory, which has taken in 50 clicks, and the seeks that they ask for."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.seeks: list[Mapping[TP, int | None]] = []
        self.partitions = Partitions(TOPICS, cast("Store", self.store), WaitingIndex(), session_timeout_s=0.0)

        async def seek(positions: Mapping[TP, int | None]) -> None:
            self.seeks.append(positions)

        self.partitions.seek = seek

    async def moves_to(self, offset: int) -> None:
        """Have the store hold an offset, whatever it held before."""
        await MemoryStore(beside=self.store).claim(0)
        other = MemoryStore(beside=self.store)
        await other.claim(0)
        await other.save(Batch(0, other.hold(0), offsets={TOPICS.clicks: offset}))


async def test_reading_goes_back_and_is_pressed_until_a_record_from_there_comes() -> None:
    owner = Owner()
    await owner.moves_to(50)
    await owner.partitions.begin({CLICKS})
    hold = owner.store.hold(0)
    await owner.store.save(Batch(0, hold, offsets={TOPICS.clicks: 60}))
    await owner.moves_to(25)
    await owner.partitions.refused(0, [record(60)])
    await owner.partitions.look()  # the token is another's, and the session is over: claimed again

    assert owner.seeks[0] == {CLICKS: 25}
    assert owner.partitions.current([record(61), record(62)]) == [], "fetched before going back"
    await owner.partitions.look()
    assert owner.seeks[-1] == {CLICKS: 25}
    assert len(owner.seeks) > 1, "nothing has come from there yet"
    came = [record(25), record(26)]
    assert owner.partitions.current(came) == came
    sent = len(owner.seeks)
    await owner.partitions.look()
    assert len(owner.seeks) == sent
    assert owner.partitions.current([record(61)]) == [record(61)]
