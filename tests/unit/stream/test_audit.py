"""The audit of commands: who commanded what, and what was done, once it is saved; of users digests alone."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from penchant.errors import Rejected, Unavailable
from penchant.messages import AuditedCommand
from penchant.signatures import SIGNATURE, CommandKeys
from stream.events.authority import by_keys
from stream.events.decoder import Decoder
from stream.events.outgoing import Outgoing
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.rebuild.side_topics import Verdicts
from stream.testing import NOW_MS, TOPICS, record
from tests.support.commands import erase, retract
from tests.support.owners import ANONYMOUS, KNOWN, Owners, merge
from tests.support.pipeline import FakeWorker, click, with_parts

KEYS = CommandKeys.parse("shop:0123456789abcdef", "KEY")


def signed(given: Record, keys: CommandKeys = KEYS) -> Record:
    headers = (("ce_source", b"till"), (SIGNATURE, keys.sign(given.key, given.value)))
    return replace(given, headers=headers)


def audited(sent: list[Outgoing]) -> list[AuditedCommand]:
    return [msgspec.json.decode(each.value or b"", type=AuditedCommand) for each in sent if each.topic == TOPICS.audit]


@pytest.fixture
def strict(worker: FakeWorker) -> FakeWorker:
    decoder = Decoder(TOPICS, load_weights(), 1, {}, clock=lambda: NOW_MS, authority=by_keys(KEYS))
    worker.pipeline = with_parts(worker.pipeline, decoder=decoder)
    return worker


async def test_it_says_who_commanded_what_and_when_and_names_no_user(strict: FakeWorker) -> None:
    await strict.takes(click(0), signed(erase(0)), erase(1))
    done, refused = audited(strict.log.sent)
    assert (done.command_id, done.type, done.status) == ("k-0", "erase", "done")
    assert (done.position, done.sent_at) == ("penchant.commands.v1-0-0", "2026-09-21T14:13:20.000Z")
    assert (done.signed_by, done.source) == ("shop", "till")
    assert (refused.status, refused.reason.split(":")[0], refused.signed_by) == ("refused", "unsigned", None)
    assert refused.position == "penchant.commands.v1-0-1"
    assert done.users == refused.users == [strict.store._digests.of("u1").hex()]
    assert [each.key for each in strict.log.on(TOPICS.audit)] == [b"k-0", b"k-1"]
    told = b"".join(each.value or b"" for each in (*strict.log.on(TOPICS.audit), *strict.log.on(TOPICS.receipts)))
    assert b"u1" not in told
    assert b"u1" not in strict.store._stored[0].answers


async def test_it_is_owed_like_a_receipt(worker: FakeWorker) -> None:
    worker.log.refuses = lambda each: each.topic == TOPICS.audit
    with pytest.raises(Unavailable):
        await worker.pipeline.process([erase(0)])
    worker.log.refuses = lambda _: False
    successor = FakeWorker(beside=worker)
    await successor.acquires(0)
    await successor.pipeline.resume(0)
    (told,) = audited(worker.log.sent)
    assert (told.command_id, told.status, told.position) == ("k-0", "done", "penchant.commands.v1-0-0")


async def test_what_waits_is_told_as_it_comes_and_as_it_is_done(worker: FakeWorker) -> None:
    await worker.takes(retract(0, "c-0"))
    await worker.takes(click(0))
    assert [(each.status, each.position) for each in audited(worker.log.sent)] == [
        ("waiting", "penchant.commands.v1-0-0"),
        ("done", None),
    ]
    await worker.takes(retract(0, "c-0"))
    assert len(audited(worker.log.sent)) == 2, "the same record again is no other command"


async def test_a_merge_is_told_of_both_and_what_is_forwarded_by_both_owners() -> None:
    owners = Owners()
    await owners.acquire()
    await owners.send(merge("m", KNOWN, ANONYMOUS))
    await owners.deliver()
    await owners.send({"command_id": "x", "type": "erase", "user_id": ANONYMOUS})
    await owners.deliver()
    told: list[Any] = [(each.command_id, each.status, len(each.users)) for each in audited(owners.log.sent)]
    assert told == [("m", "waiting", 2), ("m", "done", 1), ("x", "forwarded", 1), ("x", "done", 1)]


async def test_a_replay_gives_the_verdicts_of_then_whatever_keys_there_are(strict: FakeWorker) -> None:
    """Given commands of before there were keys, taken and refused ones, then an exchange of keys, and one that came
    while no worker ran."""
    other = CommandKeys.parse("new:fedcba9876543210", "KEY")
    before = replace(erase(0), timestamp_ms=NOW_MS - 1)
    taken, refused, signed_since, forged = signed(erase(1)), erase(2), signed(erase(3), other), erase(4)
    await strict.takes(taken, refused)
    for keys in (other, None):
        verdicts = Verdicts(TOPICS.audit, by_keys(keys))
        for number, each in enumerate(strict.log.on(TOPICS.audit)):
            verdicts.note(record(TOPICS.audit, each.value, number))
        verdicts.note(record(TOPICS.audit, b"no message", 9))
        assert [verdicts(each) for each in (before, taken)] == ["", ""]
        with pytest.raises(Rejected):
            verdicts(refused)
    verdicts.keys = by_keys(other)
    assert verdicts(signed_since) == "new"
    with pytest.raises(Rejected):
        verdicts(forged)
    assert Verdicts(TOPICS.audit, by_keys(other))(erase(5)) == "", "nothing was ever audited: they came before"
