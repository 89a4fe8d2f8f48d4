import json

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from deploy.topics.create import create_topics
from penchant.errors import Misconfigured, Unavailable
from penchant.topics import Topics
from serving.kafka.admin import check_topics, describe, open_admin, run_id, topic_identity
from tests.conftest import ON_APACHE, Broker
from tests.support.command import penchant

pytestmark = pytest.mark.kafka


def test_topics_are_created_once_and_found_well(broker: Broker, prefix: str) -> None:
    topics = Topics(prefix)

    first = create_topics(broker.bootstrap, topics, partitions=3, replication=1)
    again = create_topics(broker.bootstrap, topics, partitions=3, replication=1)

    assert len(first.made) == 15
    assert (again.made, len(again.kept), again.differing, again.settings) == ([], 15, [], [])
    assert first.run == again.run == run_id(broker.bootstrap, topics)
    with open_admin(broker.bootstrap) as admin:
        assert check_topics(admin, topics) == []
        found = describe(admin, [topics.clicks, topics.covisits])
    assert len(found[topics.clicks]["partitions"]) == 3
    assert len(found[topics.covisits]["partitions"]) == 1


def test_other_partitions_than_asked_for_are_named(broker: Broker, prefix: str) -> None:
    topics = Topics(prefix)
    create_topics(broker.bootstrap, topics, partitions=2, replication=1)

    created = create_topics(broker.bootstrap, topics, partitions=5, replication=1)

    assert created.made == []
    assert "2 partitions, not 5" in str(created.differing[0])
    assert topics.covisits not in {finding.topic for finding in created.differing}


def test_missing_and_unequal_topics_are_found(broker: Broker, prefix: str) -> None:
    topics = Topics(prefix)
    with open_admin(broker.bootstrap) as admin:
        for name, partitions in ((topics.clicks, 4), (topics.reviews, 3), (topics.covisits, 2)):
            admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1}}, wait_for_metadata=True)

        findings = {finding.topic: finding.problem for finding in check_topics(admin, topics)}

    assert findings[topics.reviews] == f"has 3 partitions, {topics.clicks} has 4"
    assert findings[topics.covisits] == "has 2 partitions"
    assert findings[topics.commands] == "is missing"
    assert topics.clicks not in findings


def test_identity_stays_until_a_topic_is_made_anew(broker: Broker, prefix: str) -> None:
    topics = Topics(prefix)
    create_topics(broker.bootstrap, topics, partitions=1, replication=1)
    first = topic_identity(broker.bootstrap, topics)
    assert topic_identity(broker.bootstrap, topics) == first

    with open_admin(broker.bootstrap) as admin:
        admin.delete_topics([topics.clicks])
    create_topics(broker.bootstrap, topics, partitions=1, replication=1)

    second = topic_identity(broker.bootstrap, topics)
    assert second[topics.clicks] != first[topics.clicks]
    assert second[topics.reviews] == first[topics.reviews]


def test_no_identity_without_topics(broker: Broker, prefix: str) -> None:
    with pytest.raises(Misconfigured, match="penchant topics create"):
        topic_identity(broker.bootstrap, Topics(prefix))


@pytest.mark.skipif(not ON_APACHE, reason="the embedded broker does not tell a topic's settings")
def test_settings_reach_the_broker(broker: Broker, prefix: str) -> None:
    topics = Topics(prefix)
    create_topics(broker.bootstrap, topics, partitions=1, replication=1)
    with open_admin(broker.bootstrap) as admin:
        for plan in topics.plan(1):
            resource = ConfigResource(ConfigResourceType.TOPIC, plan.name)
            told = admin.describe_configs([resource])["topic"][plan.name]
            assert {name: told[name]["value"] for name in plan.configs} == plan.configs


@pytest.mark.skipif(not ON_APACHE, reason="the embedded broker does not tell a topic's settings")
def test_settings_of_topics_that_are_there_are_told_and_set_when_asked(broker: Broker, prefix: str) -> None:
    """Given topics of before, made by hand, then it says what differs; --align sets that, and nothing else."""
    topics = Topics(prefix)
    name = topics.recommendations
    of_hand = {"cleanup.policy": "compact", "segment.ms": "604800000", "min.cleanable.dirty.ratio": "0.1"}
    with open_admin(broker.bootstrap) as admin:
        admin.create_topics(
            {name: {"num_partitions": 1, "replication_factor": 1, "configs": of_hand}}, wait_for_metadata=True
        )
    at = ["--bootstrap", broker.bootstrap, "--prefix", prefix, "--partitions", "1", "--json"]

    told = json.loads(penchant("topics", "create", *at).out)["settings"]
    done = penchant("topics", "create", "--align", *at)

    assert {each["topic"] for each in told} == {name}
    assert {each["setting"]: (each["found"], each["set"]) for each in told}["segment.ms"] == ("604800000", False)
    assert {each["setting"] for each in told} >= {"cleanup.policy", "segment.ms", "max.compaction.lag.ms"}
    assert (done.exit_code, json.loads(done.out)["settings"]) == (0, [{**each, "set": True} for each in told])
    assert json.loads(penchant("topics", "create", *at).out)["settings"] == []
    with open_admin(broker.bootstrap) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, name)
        assert admin.describe_configs([resource])["topic"][name]["min.cleanable.dirty.ratio"]["value"] == "0.1"


@pytest.mark.skipif(not ON_APACHE, reason="the embedded broker takes any number of replicas")
def test_more_replicas_than_nodes_are_refused(broker: Broker, prefix: str) -> None:
    with pytest.raises(Misconfigured, match="--replication"):
        create_topics(broker.bootstrap, Topics(prefix), partitions=1, replication=3)


def test_no_broker_says_where_and_what_to_do() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 .*PENCHANT_BOOTSTRAP"), open_admin("127.0.0.1:1"):
        pass


def test_an_address_without_a_port_is_refused() -> None:
    with pytest.raises(Misconfigured, match="host:port"), open_admin("localhost"):
        pass
