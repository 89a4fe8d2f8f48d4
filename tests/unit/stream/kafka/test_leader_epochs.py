"""Records of a later leader go on where those before were read, or what was read is gone: held back, and told."""

from collections.abc import Mapping

import pytest

from penchant.errors import Misconfigured, Unavailable
from stream.kafka.leader_epochs import LeaderEpochs, Place, ReadUpTo

CLICKS, REVIEWS = ("clicks", 2), ("reviews", 2)


class Kept:
    """What stands in a store."""

    def __init__(self, **epochs: int) -> None:
        self.by_topic = epochs

    async def epochs(self, partition: int) -> Mapping[str, int]:
        return self.by_topic

    async def note_epoch(self, partition: int, topic: str, epoch: int) -> None:
        self.by_topic[topic] = max(epoch, self.by_topic.get(topic, -1))


class Leaders:
    """Where records end, by topic; what was asked. away: how often nobody answers first."""

    def __init__(self, away: int = 0, **ends: int) -> None:
        self.asked: list[Mapping[Place, int]] = []
        self._ends, self._away = ends, away

    def __call__(self, epochs: Mapping[Place, int]) -> Mapping[Place, int]:
        self.asked.append(epochs)
        if len(self.asked) <= self._away:
            raise Unavailable("nobody is there")
        return {place: self._ends[place[0]] for place in epochs if place[0] in self._ends}


async def goes_on(epochs: LeaderEpochs, place: Place, epoch: int, until: int) -> bool:
    return not await epochs.replaced({place: ReadUpTo(epoch, until)})


async def test_several_are_asked_about_at_once() -> None:
    leaders = Leaders(clicks=20, reviews=3)
    epochs = LeaderEpochs(Kept(), leaders)

    await epochs.replaced({CLICKS: ReadUpTo(4, 20), REVIEWS: ReadUpTo(4, 7)})
    assert await epochs.replaced({CLICKS: ReadUpTo(5, 25), REVIEWS: ReadUpTo(5, 9)}) == {REVIEWS}
    assert leaders.asked == [{CLICKS: 4, REVIEWS: 4}]


async def test_one_leaders_records_are_asked_about_by_nobody() -> None:
    kept, leaders = Kept(), Leaders()
    epochs = LeaderEpochs(kept, leaders)

    assert [await goes_on(epochs, CLICKS, 4, until) for until in (10, 20)] == [True, True]
    await epochs.check()
    assert (kept.by_topic, leaders.asked) == ({"clicks": 4}, [])


async def test_a_later_leader_that_has_all_goes_on() -> None:
    kept, leaders = Kept(), Leaders(clicks=20)
    epochs = LeaderEpochs(kept, leaders)

    await goes_on(epochs, CLICKS, 4, 20)
    assert await goes_on(epochs, CLICKS, 6, 25)
    assert (kept.by_topic, leaders.asked) == ({"clicks": 6}, [{CLICKS: 4}])


async def test_other_records_at_offsets_that_were_read_are_held_back_and_told() -> None:
    kept = Kept()
    epochs = LeaderEpochs(kept, Leaders(clicks=12))

    await goes_on(epochs, CLICKS, 4, 20)
    assert [await goes_on(epochs, CLICKS, 6, 25), await goes_on(epochs, CLICKS, 6, 30)] == [False, False]
    with pytest.raises(Misconfigured, match="read up to offset 20, and has other records from 12 on"):
        await epochs.check()
    assert kept.by_topic == {"clicks": 4}, "who comes next finds it, too"


async def test_what_is_read_again_hides_nothing() -> None:
    epochs = LeaderEpochs(Kept(), Leaders(clicks=12))

    await goes_on(epochs, CLICKS, 4, 20)
    assert await goes_on(epochs, CLICKS, 4, 10), "from the start, as offset 20 was out of range"
    assert not await goes_on(epochs, CLICKS, 6, 15)


async def test_who_takes_over_asks_about_what_others_read() -> None:
    leaders = Leaders(clicks=12, reviews=7)
    epochs = LeaderEpochs(Kept(clicks=4, reviews=3), leaders)

    await epochs.begin({CLICKS: 20, REVIEWS: 7})
    with pytest.raises(Misconfigured, match="partition 2 of clicks was read up to offset 20"):
        await epochs.check()
    assert leaders.asked == [{CLICKS: 4, REVIEWS: 3}]


async def test_what_was_asked_is_not_asked_again() -> None:
    leaders = Leaders(clicks=20)
    epochs = LeaderEpochs(Kept(clicks=4), leaders)

    await epochs.begin({CLICKS: 20})
    for _ in range(3):
        await epochs.check()
    assert len(leaders.asked) == 1


async def test_a_broker_that_is_away_is_asked_until_it_tells() -> None:
    leaders = Leaders(away=2, clicks=20)
    epochs = LeaderEpochs(Kept(), leaders, ask_again_s=0.0)

    await goes_on(epochs, CLICKS, 4, 20)
    assert await goes_on(epochs, CLICKS, 5, 25)
    assert len(leaders.asked) == 3


async def test_brokers_that_count_no_epochs_are_not_asked() -> None:
    kept, leaders = Kept(), Leaders()
    epochs = LeaderEpochs(kept, leaders)

    assert all([await goes_on(epochs, CLICKS, -1, until) for until in (10, 20)])
    assert (kept.by_topic, leaders.asked) == ({}, [])


async def test_a_leader_that_knows_nothing_of_it_is_believed() -> None:
    epochs = LeaderEpochs(Kept(clicks=4), Leaders())

    await epochs.begin({CLICKS: 20})
    await epochs.check()
    assert await goes_on(epochs, CLICKS, 6, 25)
