"""A state as one more event would leave it is the one that a worker stores after that event."""

import copy

import pytest

from penchant.errors import Rejected, RejectReason
from penchant.messages import Review
from serving.state.user_state import UserState, encode
from stream.events.decoder import Decoder
from stream.events.encoder_input import assemble, texts_to_encode
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.ondemand.what_if import EventGone, WhatIf
from stream.processing.batch import Limits
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, embed_by_words, record
from tests.support.pipeline import FakeWorker, click, says


def what_if(worker: FakeWorker) -> WhatIf:
    decoder = Decoder(TOPICS, load_weights(), 1, {}, clock=lambda: NOW_MS)
    return WhatIf(TOPICS, decoder, worker.items.get, Limits(), FINGERPRINT)


def counted(state: UserState) -> bytes:
    """What lists are made from: without the version of the last one, and what it named."""
    bare = copy.deepcopy(state)
    bare.list_version, bare.unnamed, bare.unnamed_more = 0, [], 0
    return encode(bare, FINGERPRINT)


async def user(*records: Record) -> tuple[FakeWorker, UserState]:
    worker = FakeWorker()
    await worker.acquires(0)
    for each in records:
        await worker.takes(each)
    return worker, await worker.state("u1")


def retraction(offset: int, event_id: str) -> Record:
    body = {"command_id": f"k-{offset}", "user_id": "u1", "type": "retract", "event_id": event_id}
    return record(TOPICS.commands, body, offset)


EVENTS = [click(0), click(1, "i2", type="dismiss"), says(0, "no more war, give me music"), click(2, "i3")]


@pytest.mark.parametrize("event_id", ["c-0", "c-1", "r-0", "c-2"])
async def test_without_an_event_it_is_as_after_its_retraction(event_id: str) -> None:
    worker, state = await user(*EVENTS)

    without = what_if(worker).without(copy.deepcopy(state), "u1", event_id, NOW_MS)

    await worker.takes(retraction(0, event_id))
    assert counted(without) == counted(await worker.state("u1")) != counted(state)


async def test_without_an_event_that_waits_it_waits_no_more() -> None:
    worker, state = await user(click(0), click(1, "new"))
    assert [each.event_id for each in state.pending] == ["c-1"]

    without = what_if(worker).without(state, "u1", "c-1", NOW_MS)

    assert without.pending == []


async def test_an_event_that_is_not_known_cannot_be_left_out() -> None:
    worker, state = await user(click(0))

    with pytest.raises(EventGone, match="'c-9'") as raised:
        what_if(worker).without(state, "u1", "c-9", NOW_MS)

    assert raised.value.reason == "unknown_event"


async def test_an_event_that_is_too_far_back_cannot_be_left_out() -> None:
    worker, state = await user(*(click(n, f"i{n % 30}") for n in range(22)))

    with pytest.raises(EventGone) as raised:
        what_if(worker).without(state, "u1", "c-0", NOW_MS)

    assert raised.value.reason == RejectReason.RETRACT_TOO_LATE.value


async def test_after_a_statement_it_is_as_a_worker_would_store_it() -> None:
    worker, state = await user(click(0))
    made = what_if(worker)
    event = made.statement(Review(user_id="u1", text="no more war, give me music", event_id="r-0"), NOW_MS)
    assert event.encoder_input is not None
    texts = {text: embed_by_words(text) for text in texts_to_encode(event.encoder_input)}
    vector = assemble(event.encoder_input, texts)
    assert vector is not None

    after = made.after(copy.deepcopy(state), event, {event.encoder_input: vector})

    await worker.takes(EVENTS[2])
    assert counted(after) == counted(await worker.state("u1")) != counted(state)


def test_a_statement_that_no_worker_would_take_is_refused() -> None:
    with pytest.raises(Rejected) as raised:
        what_if(FakeWorker()).statement(Review(user_id="u1", text=" ", event_id="r-0"), NOW_MS)

    assert raised.value.reason is RejectReason.MISSING_FIELD
