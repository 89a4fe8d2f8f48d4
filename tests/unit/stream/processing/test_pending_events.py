"""The bounds of pending events in bytes: what exceeds them goes to the dead letters, and a state fits one message."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from penchant.errors import RejectReason
from penchant.messages import Receipt
from penchant.topics import MAX_MESSAGE_BYTES
from serving.state.user_state import (
    Alias,
    Merge,
    Ref,
    UserState,
    encode,
)
from stream.events.records import DeadLetter, Record
from stream.processing.batch import MOST_UNNAMED, Context, PartitionBatch, Trigger, WorkItem
from stream.processing.pending_events import keep_merge, read_again, record_of, shortened, waiters
from stream.store.base import Commit
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, nothing_known, record
from tests.support.owners import ANONYMOUS, KNOWN, Owners, merge, user_on
from tests.support.pending_states import LIMITS, LONG, done, fullest, pending, pending_bytes, retraction
from tests.support.pipeline import Degraded, FakeWorker, click, says

WORST = "\x01" * 256  # an id of the most bytes, which JSON writes as six each


def bulky(offset: int, size: int = LONG, **more: Any) -> Record:
    return click(offset, f"new-{offset}", context={"page": "x" * size}, **more)


def retract(offset: int, size: int = 0, user: str = "u1", **more: Any) -> Record:
    body = {"command_id": f"k-{offset}", "type": "retract", "user_id": user, "event_id": f"never-{offset}"} | more
    return record(TOPICS.commands, body | ({"note": "x" * size} if size else {}), offset)


def receipts(worker: FakeWorker) -> list[Receipt]:
    return [msgspec.json.decode(each.value or b"", type=Receipt) for each in worker.log.on(TOPICS.receipts)]


def messages(worker: FakeWorker) -> list[str]:
    return [dict(each.headers)["penchant.message"].decode() for each in worker.log.dead()]


async def test_bulky_events_wait_only_as_far_as_there_is_room(worker: FakeWorker) -> None:
    sent = [bulky(n) for n in range(64)]
    await worker.takes(*sent)
    state = await worker.state("u1")
    assert pending_bytes(state) <= LIMITS.most_pending_bytes
    assert len(encode(state, FINGERPRINT)) <= LIMITS.most_pending_bytes + 10_000
    assert sorted(
        [each.value for each in state.pending] + [value or b"" for _, value in worker.dead_letters()]
    ) == sorted(each.value or b"" for each in sent)
    assert {word for word, _ in worker.dead_letters()} == {"unknown_item"}
    assert "524288 is the most" in messages(worker)[0]


async def test_bulky_retractions_are_refused_with_a_receipt_that_says_the_bytes(worker: FakeWorker) -> None:
    await worker.takes(*[retract(n, LONG) for n in range(32)])
    state = await worker.state("u1")
    assert pending_bytes(state) <= LIMITS.most_pending_bytes
    refused = receipts(worker)
    assert len(state.retractions) + len(refused) == 32
    assert len(worker.dead_letters()) == len(refused)
    assert all(each.reason.startswith("retract_unknown:") and "bytes" in each.reason for each in refused)


async def test_long_headers_and_keys_count(worker: FakeWorker) -> None:
    """Fifty headers of 2 KB on a small event, and names as long as values."""
    headers = tuple((f"h{n}" + "n" * 1000, b"v" * 1000) for n in range(50))
    sent = [replace(click(n, f"new-{n}"), headers=headers) for n in range(20)]
    await worker.takes(*sent)
    state = await worker.state("u1")
    assert 0 < len(state.pending) < 20
    assert len(encode(state, FINGERPRINT)) <= LIMITS.most_pending_bytes + 10_000
    assert len(state.pending) + len(worker.dead_letters()) == 20


async def test_missed_texts_share_the_room() -> None:
    worker = Degraded()
    await worker.acquires(0)
    worker.misses = {"hidden"}
    reviews = [says(n, "hidden", context={"page": "x" * LONG}) for n in range(8)]
    await worker.takes(*reviews)
    state = await worker.state("u1")
    assert pending_bytes(state) <= LIMITS.most_pending_bytes
    assert len(state.pending) + len(worker.dead_letters()) == 8
    assert {word for word, _ in worker.dead_letters()} == {"encoder_timeout"}


async def test_what_the_next_list_names_is_counted_where_it_is_too_long(worker: FakeWorker) -> None:
    """Duplicates under ids of 256 bytes; only ids that are longer than the decoder takes are not kept."""
    names = [f"{n:04}" + "é" * 126 for n in range(300)]
    await worker.takes(*[click(n, type="impression", event_id=name) for n, name in enumerate(names)])
    state = await worker.state("u1")
    assert (len(state.unnamed), state.unnamed_more) == (MOST_UNNAMED, 300 - MOST_UNNAMED)
    assert len(encode(state, FINGERPRINT)) < 256 * 1024
    (update,) = updates_of(UserState())
    update.name_later(Ref("t" * 2000, 0, 0, "e", NOW_MS))
    assert (update.state.unnamed, update.state.unnamed_more) == ([], 1)
    for _ in range(3):
        update.name_more(2**53)
    assert len(encode(update.state, FINGERPRINT)) < 200


async def test_a_merge_whose_ids_are_too_long_or_no_text_is_refused(worker: FakeWorker) -> None:
    (update,) = updates_of(UserState())
    assert "bytes" in (keep_merge_of(update, "a" * 3000) or "")
    assert "Unicode" in (keep_merge_of(update, "a\ud800") or "")
    for n in range(64):
        assert keep_merge_of(update, f"{n}{WORST[:250]}") is None
    assert "64 users" in (keep_merge_of(update, "a") or "")
    assert len(encode(update.state, FINGERPRINT)) < 64 * 1100 + 300


async def test_a_name_that_is_no_text_does_not_wait(worker: FakeWorker) -> None:
    odd = replace(click(0, "new"), headers=(("trace\udcff", b"1"),))
    assert await worker.takes(odd) == []
    assert worker.dead_letters() == [("unknown_item", odd.value)]
    assert "Unicode" in messages(worker)[0]


def test_the_fullest_state_there_can_be_fits_one_message() -> None:
    state = fullest(dim=1024)
    assert len(encode(state, FINGERPRINT)) <= 1_500_000 < MAX_MESSAGE_BYTES - 64 * 1024


async def test_two_full_states_are_merged_into_one_that_is_full(owners: Owners) -> None:
    for user in (KNOWN, ANONYMOUS):
        await owners.send(
            *[
                {
                    "user_id": user,
                    "event_id": f"{user}-{n}",
                    "item_id": f"new-{n}",
                    "type": "like",
                    "context": "x" * LONG,
                }
                for n in range(2)
            ],
            *[
                {
                    "user_id": user,
                    "command_id": f"{user}-k{n}",
                    "type": "retract",
                    "event_id": f"no-{n}",
                    "x": "x" * LONG,
                }
                for n in range(2)
            ],
        )
    assert owners.workers[0].dead_letters() == []
    await owners.send(merge("m", KNOWN, ANONYMOUS))
    await owners.deliver()
    state = await owners.state(KNOWN)
    assert pending_bytes(state) <= LIMITS.most_pending_bytes
    dead_letters = owners.workers[0].dead_letters()
    assert len(waiters(state)) + len(dead_letters) == 8
    assert {word for word, _ in dead_letters} == {"unknown_item", "retract_unknown"}
    refused = [each for each in owners.receipts() if each[1] == "refused"]
    assert len(refused) == sum(word == "retract_unknown" for word, _ in dead_letters)
    assert ("m", "done", "") in owners.receipts()


async def test_what_an_earlier_version_let_grow_is_cut_before_it_is_handed_over(owners: Owners) -> None:
    """A held alias of 4 MB, whose hand-over no broker took: refused after the save, and again at each claim."""
    alias = Alias(KNOWN, "m", NOW_MS, Ref(TOPICS.commands, 0, 0, "m", NOW_MS), "token", held=True)
    outgrown = UserState(
        retractions=[retraction(n) for n in range(32)],
        pending=[pending(n) for n in range(4)],
        alias=alias,
        list_version=1,
    )
    assert len(encode(outgrown, FINGERPRINT)) > 4_000_000
    second = owners.workers[1]
    await second.store.save(Commit(1, second.store.lease(1), {ANONYMOUS: outgrown}))
    await owners.send(merge("m", KNOWN, ANONYMOUS))
    await owners.deliver()
    assert max(len(each.value or b"") for each in owners.log.on(TOPICS.transfers)) < MAX_MESSAGE_BYTES - 64 * 1024
    assert ("m", "done", "") in owners.receipts()
    assert len(waiters(await owners.state(KNOWN))) + len(second.dead_letters()) == 36
    assert await second.store.waiting(1) == []


async def test_an_outgrown_state_shrinks_with_the_next_event(worker: FakeWorker) -> None:
    outgrown = UserState(retractions=[retraction(n) for n in range(32)], pending=[pending(n) for n in range(32)])
    await worker.store.save(Commit(0, worker.store.lease(0), {"u1": outgrown}))
    await worker.takes(click(100))
    state = await worker.state("u1")
    assert pending_bytes(state) <= LIMITS.most_pending_bytes
    assert len(waiters(state)) + len(worker.dead_letters()) == 64
    assert len(receipts(worker)) == 32 - len(state.retractions)


async def test_who_has_no_room_for_all_whom_another_is_refuses_the_merge(owners: Owners) -> None:
    """Of users who were merged into each of the two there may be 64 in the end."""
    for user, number, many in ((KNOWN, 0, 40), (ANONYMOUS, 1, 40)):
        merged = UserState(merges=[done(f"{user}-{n}") for n in range(many)], list_version=1)
        store = owners.workers[number].store
        await store.save(Commit(number, store.lease(number), {user: merged}))
    await owners.send(merge("m", KNOWN, ANONYMOUS))
    await owners.deliver()
    assert [each[:2] for each in owners.receipts()] == [("m", "refused")]
    assert len((await owners.state(KNOWN)).merges) == 40
    other = await owners.state(ANONYMOUS)
    assert (other.alias, len(other.merges)) == (None, 40)


async def test_many_who_hand_over_many_at_once_stay_within_the_bytes() -> None:
    """Each was asked while there was room: what has none stays with its owner, and nothing is sent that is too long."""
    owners = Owners(limits=replace(LIMITS, most_merges_bytes=20_000))
    await owners.acquire()
    guests = [user_on(1, f"guest{dead_letter}") for dead_letter in "abc"]
    store = owners.workers[1].store
    crowds = {guest: UserState(merges=[done(f"{guest}-{n}") for n in range(10)], list_version=1) for guest in guests}
    await store.save(Commit(1, store.lease(1), crowds))
    for n, guest in enumerate(guests):
        await owners.send(merge(f"m{n}", KNOWN, guest))
    for _ in range(3):
        await owners.deliver()
        await owners.resend_transfers()
    state = await owners.state(KNOWN)
    assert 10 < sum(each.done for each in state.merges) <= 33
    assert sum(each.size for each in state.merges) <= 20_000


async def test_what_is_too_large_to_be_passed_on_is_dead_lettered_whole(owners: Owners) -> None:
    """A record of the most bytes that a topic takes has no room for the header that carries it."""
    await owners.send(merge("m", KNOWN, ANONYMOUS))
    await owners.deliver()
    bulk = "x" * (MAX_MESSAGE_BYTES - 500)
    command = {"command_id": "k", "type": "retract", "user_id": ANONYMOUS, "event_id": "e", "note": bulk}
    event = {"event_id": "e", "user_id": ANONYMOUS, "item_id": "i1", "type": "like", "context": bulk}
    before = len(owners.log.on(TOPICS.transfers))
    await owners.send(event, command)
    assert len(owners.log.on(TOPICS.transfers)) == before
    assert [word for word, _ in owners.workers[1].dead_letters()] == ["too_large", "too_large"]
    assert ("k", "refused", "too_large") in owners.receipts()
    await owners.send(event | {"context": bulk[1000:]})
    assert owners.told()[-1] == "passed"


# --- Containment ---


@pytest.mark.parametrize("given", [click(0, "new"), retract(0)])
async def test_whatever_waits_can_be_dead_lettered_by_a_dead_letter(worker: FakeWorker, given: Record) -> None:
    """Also a retraction, and beside others that have its id: the dead letter names the record's position."""
    await worker.takes(given)
    (entry,) = waiters(await worker.state("u1"))
    dead_letter = DeadLetter(record_of(entry), RejectReason.INTERNAL, "ZeroDivisionError in a test", "decode")
    await worker.pipeline.run(
        [PartitionBatch(0, inputs=[WorkItem("u1", "?", Trigger.EXPIRED, dead_letter=dead_letter)])], {}
    )
    assert waiters(await worker.state("u1")) == []
    assert worker.dead_letters() == [("internal", given.value)]
    assert await worker.store.waiting(0) == []
    told = [(each.status, each.reason) for each in receipts(worker)]
    assert told == ([] if given.topic == TOPICS.clicks else [("refused", "internal: ZeroDivisionError in a test")])


async def test_a_dead_letter_for_what_has_left_by_now_changes_nothing(worker: FakeWorker) -> None:
    await worker.takes(click(0, "new"))
    dead_letter = DeadLetter(replace(click(7), timestamp_ms=1), RejectReason.INTERNAL, "gone", "decode")
    await worker.pipeline.run(
        [PartitionBatch(0, inputs=[WorkItem("u1", "c-0", Trigger.EXPIRED, dead_letter=dead_letter)])], {}
    )
    assert len((await worker.state("u1")).pending) == 1
    assert worker.dead_letters() == []


async def test_a_waiting_event_that_raises_when_it_is_read_again_is_retracted_all_the_same(worker: FakeWorker) -> None:
    await worker.takes(click(0, "new"))
    worker.pipeline = faulty(worker, "c-0")
    await worker.takes(retract(0, event_id="c-0"))
    assert [(each.command_id, each.status) for each in receipts(worker)] == [("k-0", "done")]
    assert (await worker.state("u1")).pending == []


async def test_a_retraction_that_raises_when_it_is_read_again_does_not_hinder_a_merge(owners: Owners) -> None:
    bad, good = ({"user_id": KNOWN, "command_id": f"k-{n}", "type": "retract", "event_id": f"e-{n}"} for n in range(2))
    await owners.send(bad, good)
    for worker in owners.workers:
        worker.pipeline = faulty(worker, "k-0")
    await owners.send(
        {"event_id": "e-1", "user_id": ANONYMOUS, "item_id": "i1", "type": "like"}, merge("m", KNOWN, ANONYMOUS)
    )
    await owners.deliver()
    state = await owners.state(KNOWN)
    assert state.retractions == []
    assert [(each.event_id, each.retracted) for each in state.ring] == [("e-1", True)]
    told = owners.receipts()
    assert ("k-0", "refused", "internal") in told
    assert {("k-1", "done", ""), ("m", "done", "")} <= set(told)
    assert [word for word, _ in owners.workers[0].dead_letters()] == ["internal"]


def test_what_waits_and_cannot_be_read_is_a_dead_letter_that_names_the_fault() -> None:
    def fails(_: Record) -> Any:
        raise RecursionError("too deep")

    context = Context(lambda _: None, {}, fails, LIMITS, NOW_MS, FINGERPRINT)
    dead_letter = read_again(pending(0), context)
    assert isinstance(dead_letter, DeadLetter)
    assert (dead_letter.reason, dead_letter.record) == (RejectReason.INTERNAL, record_of(pending(0)))
    assert "RecursionError" in dead_letter.message


# --- Texts ---


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"payload": {"after": body}, "schema": {}}])
def test_a_long_text_is_cut_wherever_its_envelope_has_it(wrap: Any) -> None:
    body = wrap({"user_id": "u1", "item_id": "new", "text": "电影" * 5000})
    value = shortened(msgspec.json.encode(body))
    assert len(value) < 3 * 8000 + 200, "Chinese is not escaped"
    assert "电影".encode() in value


# --- Made by hand ---


def updates_of(state: UserState) -> list[Any]:
    part = PartitionBatch(0)
    part.start(part.lease, {"u1": state}, nothing_known(LIMITS))
    return list(part.updates.values())


def keep_merge_of(update: Any, anonymous_id: str) -> str | None:
    return keep_merge(update, Merge(f"k{WORST[:250]}", anonymous_id, NOW_MS, Ref(TOPICS.commands, 0, 0, "k", 0)))


def faulty(worker: FakeWorker, marked: str) -> Any:
    """The worker's pipeline with a decoder that has a fault: it raises on what has an id."""
    decoder = worker.pipeline.decoder

    def with_fault(kept: Callable[[Record], Any]) -> Any:
        def read(each: Record) -> Any:
            event = kept(each)
            if getattr(event, "event_id", "") == marked:
                raise ZeroDivisionError("a fault of ours")
            return event

        return read

    decoder.decode = with_fault(decoder.decode)  # type: ignore[method-assign]
    decoder.read_again = with_fault(decoder.read_again)  # type: ignore[method-assign]
    return worker.pipeline


@pytest.fixture
async def owners() -> Owners:
    made = Owners()
    await made.acquire()
    return made
