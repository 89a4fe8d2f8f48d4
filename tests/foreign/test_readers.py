"""Everything that reads topics reads those of other people's clients: items and events in each codec."""

import json
import secrets

import pytest

from benchmarks.performance.apache_kafka import ApacheKafka
from tests.foreign.cases import asked, asked_lines, assert_folded, event
from tests.foreign.librdkafka import produce
from tests.foreign.plans import Send, SendPlan
from tests.foreign.segments import CODECS, batches
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]


def test_items_in_every_codec_are_embedded(system: System, kafka: ApacheKafka) -> None:
    """Given items in each codec, then all are embedded, are told of by doctor, and stand in lists."""
    for codec in CODECS:
        items = [
            {"item_id": f"{codec}-{n}", "title": f"A Film in {codec}, Part {n}", "text": "space " * 40}
            for n in range(10)
        ]
        sends = [Send(system.topics.items, item["item_id"].encode(), json.dumps(item).encode()) for item in items]
        produce(system.bootstrap, SendPlan(tuple(sends), codec=codec, linger_ms=200))
    assert {batch.codec for batch in batches(kafka, system.topics.items)} == set(CODECS)
    wanted = {f"{codec}-{n}".encode() for codec in CODECS for n in range(10)}
    assert until(lambda: wanted <= {r.key for r in system.read(system.topics.item_vectors)}, 60)
    told = asked(system, "doctor", ok=False)
    assert told["items_known"]["ok"], told["items_known"]
    assert (told["items_known"]["count"], told["items_embedded"]["count"]) == (60, 60)


@pytest.mark.parametrize("codec", CODECS[1:])
def test_commands_read_every_codec(system: System, codec: str) -> None:
    """Given events, dead letters and lists' topics in a codec, then each command that reads a topic reads it."""
    user = f"reader-{codec}-{secrets.token_hex(3)}"
    good = [event(system.topics, user, f"{user}-{n}", f"{codec}-{n}", context={"page": "x" * 200}) for n in range(10)]
    bad = Send(system.topics.clicks, user.encode(), b"{" + b" " * 200)
    produce(system.bootstrap, SendPlan((*good, bad), codec=codec, linger_ms=200))
    assert_folded(system, [f"{user}-{n}" for n in range(10)])
    made = asked(system, "watch", user, "--once", "--timeout", "120")
    assert made["user_id"] == user
    (dead_letter,) = asked_lines(system, "dlq", "show", "--user", user)
    assert dead_letter["reason"] == "not_json"


def test_a_replay_reads_every_codec(system: System) -> None:
    assert asked(system, "replay", "--verify")["right"]
