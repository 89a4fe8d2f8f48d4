"""librdkafka, which most languages' clients stand on: codecs, partitioners, idempotence, transactions."""

import secrets
from contextlib import suppress

import pytest

from benchmarks.performance.apache_kafka import ApacheKafka
from penchant.partitioner import partition_of
from tests.foreign.cases import (
    aborted_never_counts,
    asked,
    assert_folded,
    event,
    folded_in_codec,
    lag,
    likes,
    markers_cost_nothing,
    ring,
)
from tests.foreign.librdkafka import Records, produce
from tests.foreign.plans import Do, Send, SendPlan
from tests.foreign.segments import CODECS, batches
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_folded(system: System, kafka: ApacheKafka, codec: str) -> None:
    folded_in_codec(system, kafka, produce, codec, codec)


@pytest.mark.parametrize("partitioner", ["consistent_random", "murmur2_random"])
def test_either_partitioner_is_folded(system: System, partitioner: str) -> None:
    """Given librdkafka's default, CRC32, or Java's, then each event gets its list, forwarded or not."""
    before = system.workers[-1].metric("penchant_forwarded_total")
    sent = likes(system)
    produce(system.bootstrap, SendPlan(tuple(sent.values()), partitioner=partitioner))
    assert_folded(system, sent)
    forwarded = system.workers[-1].metric("penchant_forwarded_total") - before
    assert (forwarded > 0) == (partitioner == "consistent_random")


def test_an_idempotent_producer_is_folded(system: System) -> None:
    sent = likes(system)
    produce(system.bootstrap, SendPlan(tuple(sent.values()), codec="lz4", idempotent=True))
    assert_folded(system, sent)


def test_what_was_aborted_never_counts(system: System) -> None:
    aborted_never_counts(system, produce, "rd")


def test_markers_cost_nothing(system: System) -> None:
    markers_cost_nothing(system, produce)


def transactional(name: str, *steps: Send | Do) -> SendPlan:
    """A producer that puts users where they belong, so that its markers lie there, too."""
    return SendPlan(steps, transactional_id=name, partitioner="murmur2_random")


def test_a_worker_behind_a_marker_is_idle_and_well(system: System, kafka: ApacheKafka) -> None:
    """Given one transaction with one click, and then silence, then the lag is nothing and the worker stays."""
    worker = system.workers[-1]
    click = event(system.topics, "quiet", f"quiet-{secrets.token_hex(3)}")
    produce(system.bootstrap, transactional(f"quiet-{secrets.token_hex(3)}", Do.BEGIN, click, Do.COMMIT))
    assert until(lambda: len(ring(system, "quiet")) == 1, 30)
    home = partition_of("quiet", system.partitions)
    assert batches(kafka, system.topics.clicks, home)[-1].control, "the last offset is no marker: nothing was tried"
    assert until(lambda: lag(system) == 0, 20), "a marker is counted as an event that was not taken in"
    assert worker.child.exit_code is None
    assert worker.ready()


def test_an_open_transaction_holds_up_only_what_is_behind_it(system: System) -> None:
    """Given a transaction that hangs, then others get their lists, and no command waits for it."""
    open_one = Records(system.bootstrap, transactional(f"hangs-{secrets.token_hex(3)}"))
    name = secrets.token_hex(3)
    sent = {f"{name}-{n}": event(system.topics, f"{name}-{n}", f"{name}-{n}", "f5") for n in range(64)}
    home = partition_of(f"{name}-0", system.partitions)
    behind = {user for user in sent if partition_of(user, system.partitions) == home}
    open_one.take(Do.BEGIN)
    try:
        open_one.take(event(system.topics, f"{name}-0", f"{name}-open", "f4"))
        open_one.take(Do.FLUSH)
        produce(system.bootstrap, SendPlan(tuple(sent.values()), partitioner="murmur2_random"))
        assert_folded(system, sent.keys() - behind)
        assert asked(system, "watch", min(sent.keys() - behind), "--once", "--timeout", "120")["items"]
        assert asked(system, "doctor", ok=False)["broker"]["ok"]
        assert asked(system, "dlq", "ls")["total"] == 0
        assert asked(system, "replay", "--verify")["right"]
        assert not {f"{name}-open", *behind} & system.named(), "what is not committed was read"
    finally:
        with suppress(Exception):
            open_one.take(Do.ABORT)
    assert_folded(system, behind)
    assert f"{name}-open" not in system.named()
