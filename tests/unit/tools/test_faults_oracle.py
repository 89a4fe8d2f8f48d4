"""The checker of the table of faults: agrees with the pipeline on every load, sees one event too few or too many."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from penchant.partitioner import partition_of
from serving.state.user_state import UserState, Vector
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.processing.batch import Limits
from stream.testing import NOW_MS, TOPICS, embed_by_words, record
from tests.faults.checker import FINE, Outcome, compare
from tests.faults.load import HIDDEN, ITEMS, SHOWN, Load, LoadEvent, LoadMessage, Shape, make_load, shuffled, twice
from tests.faults.oracle import Oracle
from tests.support.heads import head_of
from tests.support.owners import PARTITIONS, Owners

FILMS: dict[str, Vector] = {film["item_id"]: embed_by_words(film["title"]) for film in (*SHOWN, *HIDDEN)}
HEAD = head_of([0.0, 3.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # love is praise, war is blame
SEEDS = range(2)


async def states(load: Load) -> dict[str, UserState]:
    """What two workers on fakes make of a load, seven messages at a time."""
    owners = Owners(Limits(sentiment=HEAD))
    await owners.acquire()
    for worker in owners.workers:
        worker.items.clear()
        worker.items.update({film["item_id"]: FILMS[film["item_id"]] for film in SHOWN})
    for some in range(0, len(load.messages), 7):
        await take(owners, load.messages[some : some + 7])
        await owners.deliver()
    await owners.resend_transfers()
    await owners.deliver()
    return {user: await owners.state(user) for user in {event.user for event in load.events}}


async def take(owners: Owners, messages: Sequence[LoadMessage]) -> None:
    records: dict[int, list[Record]] = {}
    for message in messages:
        if message.topic == ITEMS:
            for worker in owners.workers:
                worker.items[message.key] = FILMS[message.key]
                await worker.pipeline.on_items_available([message.key])
            continue
        topic, number = f"{TOPICS.prefix}.{message.topic}.v1", partition_of(message.key, PARTITIONS)
        at_ms = NOW_MS + 1 if message.timestamp_ms is None else message.timestamp_ms
        made = record(
            topic,
            message.value(),
            owners.next(topic, number),
            partition=number,
            key=message.key.encode(),
            timestamp_ms=at_ms,
        )
        records.setdefault(number, []).append(made)
    for some in records.values():
        await owners.take(*some)


async def checked(load: Load, truth: Load) -> Outcome:
    """What a worker made of one load, against what another one says."""
    made = await states(load)
    oracle = Oracle(load_weights(), FILMS, embed_by_words, lambda text: float(HEAD.of(embed_by_words(text)[None])[0]))
    expected = oracle.states(truth)
    assert all(made[user].alias is not None for user in truth.merged.keys() - truth.erased), "merged"
    assert all(not made[user].known for user, state in expected.items() if state is None), "erased"
    return sum((compare(state, made[user]) for user, state in expected.items() if state is not None), start=FINE)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_load_in_any_order_is_what_the_oracle_says(seed: int) -> None:
    load = make_load(seed, NOW_MS, Shape(usual=16, many=2, late_share=0.3))
    for arranged in (load, twice(load), shuffled(load, 1000)):
        assert await checked(arranged, load) == FINE


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_event_that_is_missing_or_counted_again_is_seen(seed: int) -> None:
    load = make_load(seed, NOW_MS, Shape(usual=8, many=1))
    counting = [each for each in load.events if each.user not in load.erased]
    left = [each for each in counting if each.event_id not in load.retracted]
    for event in left[::12]:
        missing = replace(load, messages=tuple(each for each in load.messages if each.name != event.event_id))
        found = await checked(missing, load)
        assert (found.lost, found.twice) == (1, 0), event
        found = await checked(again(load, event), load)
        assert found.twice == 1, event


def again(load: Load, event: LoadEvent) -> Load:
    """A load in which an event stands two times, under ids that nobody takes for one another."""
    told = next(each for each in load.messages if each.name == event.event_id)
    assert isinstance(told.body, dict)
    copy = replace(told, name="copy", body=told.body | {"event_id": "copy"})
    return replace(load, messages=(*load.messages, copy))
