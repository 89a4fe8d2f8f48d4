"""What `penchant doctor` says of topics' settings, and of how broker and store are reached."""

import pytest

from deploy.doctor.cluster_checks import differing, security, too_few
from penchant.topics import MAX_MESSAGE_BYTES, Topics
from serving.connections import Connections

TOPICS = Topics("t")


@pytest.mark.parametrize(
    ("largest", "problems"),
    [(MAX_MESSAGE_BYTES, 0), (MAX_MESSAGE_BYTES + 1, 0), (1_048_588, 1), ("", 0)],
)
def test_a_topic_that_takes_less_than_may_be_sent(largest: object, problems: int) -> None:
    found = list(differing({TOPICS.clicks: {"max.message.bytes": str(largest)}}, TOPICS))

    assert len(found) == problems
    assert all(f"set max.message.bytes={MAX_MESSAGE_BYTES}" in str(each) for each in found)


@pytest.mark.parametrize(
    ("replicas", "in_sync", "words"),
    [(1, "1", ""), (3, "2", ""), (3, "1", "of 3 replicas"), (3, "3", "no broker may be away"), (2, "2", "")],
)
def test_replicas_that_have_what_was_confirmed(replicas: int, in_sync: str, words: str) -> None:
    found = list(too_few({TOPICS.clicks: {"min.insync.replicas": in_sync}}, {TOPICS.clicks: replicas}))

    assert bool(found) == bool(words)
    assert all(words in str(each) for each in found)


def test_security_is_told_without_a_secret() -> None:
    settings = Connections(
        redis="rediss://shop:g3h31m@redis:6379/0",
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username="shop",
        kafka_sasl_password="g3h31m",
    )

    told = security(settings)

    assert told.found == "Kafka by SASL_PLAINTEXT, PLAIN as shop; Redis (one) within TLS"
    assert "SASL_SSL" in told.do
    assert "g3h31m" not in str(told.as_dict())
