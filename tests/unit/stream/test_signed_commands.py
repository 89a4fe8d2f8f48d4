"""Commands where they need a signature: what a known key signed is done, all else is refused and changes nothing."""

from dataclasses import replace

import msgspec
import pytest
from pydantic import SecretStr

from penchant.errors import Misconfigured
from penchant.messages import Command
from penchant.partitioner import partition_of
from penchant.signatures import SIGNATURE, CommandKeys
from penchant.testing import FakeEventProducer
from serving.connections import Connections
from stream.events.authority import by_keys
from stream.events.dead_letters import forwarded
from stream.events.decoder import Decoder
from stream.events.records import Record, Reroute
from stream.events.weights import load_weights
from stream.testing import NOW_MS, TOPICS, record
from tests.support.commands import erase, receipts, retract
from tests.support.pipeline import FakeWorker, click, with_parts

OLD, NEW, OTHER = "old:0123456789abcdef", "new:fedcba9876543210", "new:another-secret-than-theirs"


def keys(text: str) -> CommandKeys:
    return CommandKeys.parse(text, "PENCHANT_COMMANDS_KEY")


def signed(given: Record, by: str = OLD) -> Record:
    signature = keys(by).sign(given.key, given.value)
    return replace(given, headers=(*given.headers, (SIGNATURE, signature)))


def needing(text: str, partitions: int = 1) -> Decoder:
    authority = by_keys(keys(text))
    return Decoder(TOPICS, load_weights(), partitions, {}, clock=lambda: NOW_MS, authority=authority)


@pytest.fixture
def strict(worker: FakeWorker) -> FakeWorker:
    """A worker that takes what either of two keys signed."""
    worker.pipeline = with_parts(worker.pipeline, decoder=needing(f"{NEW}\n{OLD}"))
    return worker


async def test_a_signed_command_is_done_by_whichever_key_is_known(strict: FakeWorker) -> None:
    await strict.takes(click(0), click(1, "i2"), signed(retract(0, "c-0"), OLD), signed(retract(1, "c-1"), NEW))
    assert receipts(strict) == [("k-0", "done", ""), ("k-1", "done", "")]
    assert all(each.retracted for each in (await strict.state("u1")).ring)


async def test_any_other_is_refused_and_changes_nothing(strict: FakeWorker) -> None:
    good = signed(erase(0))
    merge = {"command_id": "k-9", "type": "merge", "user_id": "u1", "anonymous_id": "u2"}
    forged = [
        erase(0),
        signed(erase(1), OTHER),
        replace(good, offset=2, value=(good.value or b"").replace(b"k-0", b"k-2")),
        replace(signed(erase(3)), key=b"u1"),
        replace(erase(4), headers=((SIGNATURE, b"\xff"),)),
        replace(erase(5), headers=((SIGNATURE, b"old:"),)),
        replace(erase(6), headers=((SIGNATURE, "old:我".encode()),)),
        replace(erase(7), headers=((SIGNATURE, b"gone:" + b"0" * 64),)),
        record(TOPICS.commands, merge, 8),
    ]
    await strict.takes(click(0))
    before = dict(strict.store._stored[0].records)
    await strict.takes(*forged)
    assert strict.store._stored[0].records == before
    assert [word for word, _ in strict.dead_letters()] == ["unsigned"] * len(forged)
    assert {each[1:] for each in receipts(strict)} == {("refused", "unsigned")}
    assert len(receipts(strict)) == len(forged)
    assert strict.log.on(TOPICS.transfers) == []
    await strict.takes(replace(good, offset=9))
    assert not (await strict.state("u1")).known


async def test_events_need_none(strict: FakeWorker) -> None:
    assert len(await strict.takes(click(0))) == 1


async def test_where_there_is_no_key_a_signature_is_not_looked_at(worker: FakeWorker) -> None:
    await worker.takes(click(0), signed(erase(0), OTHER))
    assert receipts(worker) == [("k-0", "done", "")]


async def test_a_retraction_that_was_taken_is_done_when_its_key_is_gone(strict: FakeWorker) -> None:
    """Given a retraction that waits for its event, when keys are exchanged meanwhile, then it is done all the same."""
    await strict.takes(signed(retract(0, "c-0"), OLD))
    strict.pipeline = with_parts(strict.pipeline, decoder=needing(NEW))
    await strict.takes(click(0))
    assert receipts(strict) == [("k-0", "done", "")]


@pytest.mark.parametrize("key", [None, b"u1"])
def test_a_signature_holds_for_the_copy_on_the_right_partition(key: bytes | None) -> None:
    home = partition_of("u1", 4)
    stray = signed(replace(erase(0), key=key, partition=(home + 1) % 4))
    decoder = needing(OLD, partitions=4)
    reroute = decoder.decode(stray)
    assert isinstance(reroute, Reroute)
    copy = forwarded(reroute)
    came = Record(copy.topic, home, 7, stray.timestamp_ms, copy.key, copy.value, copy.headers)
    assert decoder.decode(came).user_id == "u1"


def test_a_producer_with_a_key_signs_commands_alone() -> None:
    with FakeEventProducer(f"{NEW} {OLD}") as events:
        events.send(Command(command_id="k-1", type="erase", user_id="u1"))
        events.remove_item("i1")
    command, item = events.sent
    assert SIGNATURE not in dict(item.headers)
    signature = dict(command.headers)[SIGNATURE].decode()
    assert keys(NEW).signer(command.key, command.value, signature) == "new"
    assert msgspec.json.decode(command.value or b"", type=Command).user_id == "u1"


@pytest.mark.parametrize(
    "wrong", ["secretwithoutname", "shop:short", f"{OLD} {OLD}", ":0123456789abcdef", "我:0123456789abcdef"]
)
def test_a_key_that_cannot_be_used_is_said_and_not_quoted(wrong: str) -> None:
    with pytest.raises(Misconfigured, match="PENCHANT_COMMANDS_KEY: key") as error:
        Connections(commands_key=SecretStr(wrong)).command_keys()
    assert wrong not in str(error.value)
    assert "0123456789" not in f"{keys(OLD)!r}{Connections(commands_key=SecretStr(OLD))!r}"
