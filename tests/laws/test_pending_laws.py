"""Laws of what waits: whatever comes in whatever order, a state keeps to its bytes, and nothing is lost."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.state.pending import Merge, PendingEvent, Ref, Retraction
from serving.state.user_state import UserState, encode
from stream.events.records import Record
from stream.processing.batch import Limits
from stream.processing.pending_events import waiters
from stream.testing import FINGERPRINT, TOPICS, record
from tests.support.owners import ANONYMOUS, KNOWN, Owners, merge
from tests.support.pipeline import FakeWorker
from tests.support.states import merges, refs, retractions, waiting

RULES = Limits(
    most_waiting=10,
    most_retractions=6,
    most_waiting_bytes=1500,
    most_pending_bytes=4000,
    most_merges=3,
    most_merge_bytes=400,
)
# A long vector of 8, no ring, and what has been named and merged here: all that these states have but pending events.
BESIDE = 256 * 120 + 3 * 400 + 200


@given(waiting | retractions | refs | merges)
def test_an_entry_takes_no_more_bytes_than_it_says(entry: PendingEvent | Retraction | Ref | Merge) -> None:
    taken = len(msgspec.msgpack.encode(entry))
    texts = 40 if isinstance(entry, Ref | Merge) else 80 + 10 * len(entry.headers)
    assert taken <= entry.size <= taken + texts + 64


@st.composite
def arrivals(draw: st.DrawFn, user: str = "u1", partition: int = 0) -> list[Record]:
    """Events on unknown items, retractions and merges, of any size, with headers, some of them twice."""
    made: list[Record] = []
    for n in range(draw(st.integers(1, 30))):
        pad = "x" * draw(st.sampled_from([0, 10, 300, 900, 1300, 1400, 3000]))
        headers = tuple((f"h{i}", b"v" * draw(st.integers(0, 200))) for i in range(draw(st.integers(0, 3))))
        name = f"{user}-{draw(st.integers(0, 20))}"
        match draw(st.sampled_from(["event", "event", "retract", "merge"])):
            case "event":
                body = {
                    "event_id": f"e-{name}",
                    "user_id": user,
                    "item_id": f"i-{name}",
                    "type": "like",
                    "context": {"x": pad},
                }
                made.append(record(TOPICS.clicks, body, n, partition=partition, headers=headers))
            case "retract":
                body = {
                    "command_id": f"r-{name}",
                    "user_id": user,
                    "type": "retract",
                    "event_id": f"no-{name}",
                    "x": pad,
                }
                made.append(record(TOPICS.commands, body, n, partition=partition, headers=headers))
            case _:
                body = {
                    "command_id": f"m-{name}",
                    "user_id": user,
                    "type": "merge",
                    "anonymous_id": f"{name}{pad[:250]}",
                }
                made.append(record(TOPICS.commands, body, n, partition=partition, headers=headers))
    return made


@settings(max_examples=150)
@given(arrivals(), st.data())
def test_whatever_comes_in_any_order_the_bound_holds_and_nothing_is_lost(
    made: list[Record], data: st.DataObject
) -> None:
    async def play() -> None:
        worker = FakeWorker(limits=RULES)
        worker.items.clear()
        await worker.acquires(0)
        order = [replace(each, offset=n) for n, each in enumerate(data.draw(st.permutations(made)))]
        while order:
            many = data.draw(st.integers(1, len(order)))
            await worker.takes(*order[:many])
            order = order[many:]
            check(await worker.state("u1"))
        state = await worker.state("u1")
        assert ids(entry.value for entry in waiters(state)) | ids(value for _, value in worker.dead_letters()) == sent(
            made
        )

    asyncio.run(play())


@settings(max_examples=60)
@given(arrivals(KNOWN, 0), arrivals(ANONYMOUS, 1))
def test_two_who_are_merged_keep_to_the_bound_of_one(mine: list[Record], theirs: list[Record]) -> None:
    async def play() -> None:
        owners = Owners(limits=replace(RULES, most_merges=10))
        await owners.acquire()
        for worker in owners.workers:
            worker.items.clear()
        for partition, records in enumerate((mine, theirs)):
            for each in records:
                if not is_merge(each):
                    await owners.take(replace(each, offset=owners.next(each.topic, partition)))
        await owners.send(merge("both", KNOWN, ANONYMOUS))
        await owners.deliver()
        state = await owners.state(KNOWN)
        check(state)
        assert ("both", "done", "") in owners.receipts()
        dead_letters = owners.workers[0].dead_letters()
        left = ids(entry.value for entry in waiters(state)) | ids(value for _, value in dead_letters)
        assert left == sent([*mine, *theirs])

    asyncio.run(play())


def check(state: UserState) -> None:
    assert sum(entry.size for entry in waiters(state)) <= RULES.most_pending_bytes
    assert len(encode(state, FINGERPRINT)) <= RULES.most_pending_bytes + BESIDE


def sent(made: Iterable[Record]) -> set[str]:
    """The ids of all that may wait: a merge is answered at once."""
    return ids(each.value for each in made if not is_merge(each))


def ids(values: Iterable[bytes | None]) -> set[str]:
    bodies = [msgspec.json.decode(value or b"{}") for value in values]
    return {body.get("command_id", body["event_id"]) for body in bodies}


def is_merge(each: Record) -> bool:
    return b'"merge"' in (each.value or b"")
