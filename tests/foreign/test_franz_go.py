"""franz-go, a Go client: snappy and idempotence by default, header names of any bytes, transactions."""

import secrets

import pytest

from benchmarks.performance.apache_kafka import ApacheKafka
from tests.foreign.cases import aborted_never_counts, assert_folded, event, folded_in_codec, likes
from tests.foreign.plans import KafkaClient, Send, SendPlan
from tests.foreign.segments import CODECS
from tests.support.system import System, header

pytestmark = [pytest.mark.kafka, pytest.mark.model]

NO_TEXT = bytes.fromhex("7472ff6365")  # "tr?ce"


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_folded(system: System, kafka: ApacheKafka, by_franz_go: KafkaClient, codec: str) -> None:
    folded_in_codec(system, kafka, by_franz_go, codec, codec)


def test_its_defaults_are_folded(system: System, kafka: ApacheKafka, by_franz_go: KafkaClient) -> None:
    """Given a producer of whom nothing was asked, then it is idempotent and compresses with snappy, and is folded."""
    folded_in_codec(system, kafka, by_franz_go, None, "snappy")


def test_what_was_aborted_never_counts(system: System, by_franz_go: KafkaClient) -> None:
    aborted_never_counts(system, by_franz_go, "go")


def test_a_header_whose_name_is_no_text_stops_nobody(system: System, by_franz_go: KafkaClient) -> None:
    """Given records with such headers between others, then they become dead letters, with all that could be read."""
    name = secrets.token_hex(3)
    mine = event(system.topics, f"{name}-a", f"{name}-a")
    odd = [
        Send(mine.topic, f"{name}-a".encode(), mine.value, ((NO_TEXT, b"1"),)),
        Send(mine.topic, f"{name}-b".encode(), b"\x00\xff\x01", ((b"trace", b"2"), (b"\x80", b"\xfe"))),
        Send(system.topics.items, b"f99", b'{"item_id": "f99", "title": "Odd"}', ((NO_TEXT, b""),)),
    ]
    others = likes(system)
    by_franz_go(system.bootstrap, SendPlan((*odd, *others.values())))
    assert_folded(system, others)

    dead_letters = [
        dead_letter for dead_letter in system.dead(mine.topic, 2) if (dead_letter.key or b"").startswith(name.encode())
    ]
    assert {(dead_letter.key, dead_letter.value) for dead_letter in dead_letters} == {
        (send.key, send.value) for send in odd[:2]
    }
    (item,) = system.dead(system.topics.items, 1)
    assert (item.key, item.value) == (odd[2].key, odd[2].value)
    for dead_letter in (*dead_letters, item):
        assert header(dead_letter, "penchant.error") == "unreadable"
        assert header(dead_letter, "penchant.topic") == dead_letter.topic.removesuffix(".dlq")
        assert int(header(dead_letter, "penchant.offset")) >= 0
