"""One record that raises what nobody foresaw: it becomes a dead letter, everybody else is served, at every stage."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from penchant.errors import Broken, Unavailable
from serving.state.user_state import UserState
from stream.containment.faults import MOST_IN_A_ROW, by_halves, described
from stream.events.outgoing import Outgoing
from stream.events.records import Record
from stream.interest.fold import fold
from stream.processing.side_effects import covisits
from stream.testing import TOPICS, MemoryLog, MemoryStore, embed_by_words, memory_pipeline, rank_by_ring, record
from tests.support.pipeline import with_parts

ITEMS = {f"i{n}": embed_by_words("space") for n in range(10)}
USERS = [f"u{n}" for n in range(40)]
POISON = "u17"


def click(n: int, user: str, item: str = "i1") -> Record:
    return record(TOPICS.clicks, {"user_id": user, "item_id": item, "type": "click", "event_id": f"e-{user}"}, n)


def batch(item: str = "i1") -> list[Record]:
    return [click(n, user, item) for n, user in enumerate(USERS)]


class PoisonedPipeline:
    """A pipeline on fakes that owns its partition; `plant` has one stage raise for one user."""

    def __init__(self, items: dict[str, Any] | None = None) -> None:
        self.store, self.log = MemoryStore(), MemoryLog()
        self.items = ITEMS if items is None else items
        self.pipeline = memory_pipeline(self.store, self.log, self.items)

    def plant(self, **parts: Any) -> None:
        self.pipeline = with_parts(self.pipeline, **parts)

    def check(self, stage: str, poison: Record) -> None:
        """Everybody has a list; the one that raised is in the dead letters, whole, with its place in our code."""
        assert {made.user_id for made in self.log.lists()} >= set(USERS) - {POISON}
        (dead,) = self.log.dead()
        told = {name: value.decode() for name, value in dead.headers}
        assert (dead.key, dead.value) == (poison.key, poison.value)
        assert told["penchant.error"] == "internal"
        assert told["penchant.stage"] == stage
        assert told["penchant.offset"] == str(poison.offset)
        assert told["penchant.message"].startswith(
            "ZeroDivisionError: planted at tests/unit/stream/containment/test_faults.py:"
        )
        assert self.store.lease(0).offsets[TOPICS.clicks] == len(USERS)


def raising(is_poison: Callable[..., bool], usual: Callable[..., Any]) -> Callable[..., Any]:
    def planted(*arguments: Any, **options: Any) -> Any:
        if is_poison(*arguments):
            raise ZeroDivisionError("planted")
        return usual(*arguments, **options)

    return planted


async def test_a_bug_in_decoding_costs_one_record() -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)
    decoder = system.pipeline.decoder
    decoder.decode = raising(lambda each: POISON.encode() in each.value, decoder.decode)  # type: ignore[method-assign]

    await system.pipeline.process(batch())

    system.check("decode", batch()[17])


async def test_a_bug_in_folding_costs_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)
    monkeypatch.setattr("stream.processing.apply.fold", raising(lambda _, event, *__: event.user_id == POISON, fold))

    done, refused = await system.pipeline.process(batch())

    system.check("fold", batch()[17])
    assert (len(done), refused) == (len(USERS), [])


async def test_a_bug_in_ranking_costs_one_user_his_own_list() -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)

    def rank(users: Sequence[str], states: Sequence[UserState]) -> Any:
        if any(user == POISON and state.ring for user, state in zip(users, states, strict=True)):
            raise ZeroDivisionError("planted")
        return [rank_by_ring(state) for state in states]

    system.plant(ranker=rank)

    await system.pipeline.process(batch())

    system.check("answer", batch()[17])
    (fallback,) = system.log.lists(POISON)
    assert fallback.path == "trending"
    assert [each.event_id for each in fallback.folded] == [f"e-{POISON}"]


async def test_a_user_for_whom_nothing_can_be_made_costs_nobody_else() -> None:
    """Given a ranker that raises for a user whatever is known of him, then his records are dead letters, all the same.

    The list is left to no later batch: that would raise again, over others' records.
    """
    system = PoisonedPipeline()
    await system.store.acquire(0)

    def rank(users: Sequence[str], states: Sequence[UserState]) -> Any:
        if POISON in users:
            raise ZeroDivisionError("planted")
        return [rank_by_ring(state) for state in states]

    system.plant(ranker=rank)

    await system.pipeline.process(batch())

    system.check("answer", batch()[17])
    await system.pipeline.process([click(len(USERS), "somebody new", "i2")])
    assert len(system.log.dead()) == 1
    assert len(system.log.lists("somebody new")) == 1


async def test_a_bug_in_sending_a_list_costs_one_user() -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)
    usual = system.log.send

    async def send(records: Sequence[Outgoing]) -> None:
        if any(each.topic == TOPICS.recommendations and each.key == POISON.encode() for each in records):
            raise ZeroDivisionError("planted")
        await usual(records)

    system.log.send = send  # type: ignore[method-assign]

    await system.pipeline.process(batch())

    system.check("send", batch()[17])
    assert not system.log.lists(POISON)


async def test_what_raises_after_the_state_is_saved_is_a_dead_letter_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)
    mark_published = system.store.mark_published
    causes: list[str] = []

    def planted(partition: int, token: str) -> None:
        causes.append("mark_published")
        if len(causes) == 1:
            raise ZeroDivisionError("planted")
        mark_published(partition, token)

    system.store.mark_published = planted  # type: ignore[method-assign]

    await system.pipeline.process([batch()[17]])

    (dead,) = system.log.dead()
    assert dead.value == batch()[17].value


async def test_a_bug_in_announcing_costs_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)
    planted = raising(lambda message, _: any(event.offset == 17 for event in message.events), covisits)
    monkeypatch.setattr("stream.processing.side_effects.covisits", planted)

    await system.pipeline.process(batch())

    system.check("send", batch()[17])


async def test_a_bug_in_storing_costs_one_record() -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)
    system.store.save = raising(lambda batch: POISON in batch.states, system.store.save)  # type: ignore[method-assign]

    await system.pipeline.process(batch())

    system.check("save", batch()[17])


async def test_what_waits_and_raises_leaves_for_the_dead_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an event that waits for its item, when folding it raises, then the others that wait are folded."""
    items: dict[str, Any] = {}
    system = PoisonedPipeline(items)
    await system.store.acquire(0)
    await system.pipeline.process(batch())
    assert len(system.pipeline.waiting) == len(USERS)
    items.update(ITEMS)
    monkeypatch.setattr("stream.processing.apply.fold", raising(lambda _, event, *__: event.user_id == POISON, fold))

    await system.pipeline.on_items_available(["i1"])

    (dead,) = system.log.dead()
    assert dead.value == batch()[17].value
    assert len(system.pipeline.waiting) == 0
    states = await system.store.load(0, USERS)
    assert {user for user, state in states.items() if state.ring} == set(USERS) - {POISON}
    assert not any(state.pending for state in states.values())


async def test_a_fault_that_hits_everything_stops_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)
    monkeypatch.setattr("stream.processing.apply.fold", raising(lambda *_: True, fold))

    with pytest.raises(Broken, match="no fault of the records"):
        await system.pipeline.process([click(n, f"u{n}") for n in range(3 * MOST_IN_A_ROW)])

    assert len(system.log.dead()) == MOST_IN_A_ROW - 1


async def test_what_was_foreseen_is_not_contained() -> None:
    system = PoisonedPipeline()
    await system.store.acquire(0)

    def away(_: Outgoing) -> bool:
        return True

    system.log.refuses = away
    with pytest.raises(Unavailable):
        await system.pipeline.process(batch())


async def test_halves_keep_their_order_and_find_each_one() -> None:
    tried: list[list[int]] = []
    alone: list[int] = []

    async def run(some: Sequence[int]) -> list[int]:
        tried.append(list(some))
        if any(each % 7 == 3 for each in some):
            raise ValueError
        return list(some)

    async def one(each: int, _: Exception) -> list[int]:
        alone.append(each)
        return []

    answers = await by_halves(list(range(100)), run, one)

    assert alone == [n for n in range(100) if n % 7 == 3]
    assert [each for some in answers for each in some] == [n for n in range(100) if n % 7 != 3]
    assert len(tried) < 2 * 100


def test_an_exception_is_described_by_its_name_its_words_and_our_own_place() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        raising(lambda: True, print)()

    assert described(raised.value).startswith(
        "ZeroDivisionError: planted at tests/unit/stream/containment/test_faults.py:"
    )
    assert described(raised.value).endswith(" in planted")
