import pytest

from penchant.errors import Misconfigured
from penchant.topics import USER_TOPICS, Topic, Topics


def test_names_are_those_of_the_contract() -> None:
    topics = Topics("penchant")

    assert [plan.name for plan in topics.plan(4)] == [
        "penchant.clicks.v1",
        "penchant.clicks.v1.dlq",
        "penchant.reviews.v1",
        "penchant.reviews.v1.dlq",
        "penchant.commands.v1",
        "penchant.commands.v1.dlq",
        "penchant.items.v1",
        "penchant.items.v1.dlq",
        "penchant.item-vectors.v1",
        "penchant.covisits.v1",
        "penchant.transfers.v1",
        "penchant.meta.v1",
        "penchant.recommendations.v1",
        "penchant.receipts.v1",
        "penchant.audit.v1",
    ]
    assert topics.item_vectors == topics.name(Topic.ITEM_VECTORS) == "penchant.item-vectors.v1"
    assert topics.dlq(Topic.REVIEWS) == "penchant.reviews.v1.dlq"


def test_every_topic_can_be_found_by_its_name() -> None:
    topics = Topics("a.b-c_d")

    assert all(topics.find(topics.name(topic)) is topic for topic in Topic)
    assert topics.find("penchant.clicks.v1") is None
    assert topics.find(topics.dlq(Topic.CLICKS)) is None


def test_user_topics_and_their_dead_letters_share_one_count_and_two_have_one_partition() -> None:
    topics = Topics("penchant")
    counts = {plan.name: plan.partitions for plan in topics.plan(6)}

    assert {counts[topics.name(topic)] for topic in USER_TOPICS} == {6}
    assert counts[topics.dlq(Topic.CLICKS)] == 6
    assert [name for name, count in counts.items() if count == 1] == [topics.covisits, topics.meta]


def test_a_dead_letter_has_room_for_the_largest_event_and_its_headers() -> None:
    topics = Topics("penchant")
    limits = {plan.name: int(plan.configs["max.message.bytes"]) for plan in topics.plan(1)}

    assert all(limits[topics.dlq(topic)] > limits[topics.name(topic)] for topic in Topic if topic.value.dead_letters)


def test_what_nobody_outside_writes_to_has_no_dead_letters() -> None:
    with pytest.raises(ValueError, match="no dead letters"):
        Topics("penchant").dlq(Topic.RECOMMENDATIONS)


@pytest.mark.parametrize("prefix", ["", "a b", "ü", "x" * 201, "a/b"])
def test_a_prefix_that_kafka_would_refuse(prefix: str) -> None:
    with pytest.raises(Misconfigured, match="prefix"):
        Topics(prefix)
