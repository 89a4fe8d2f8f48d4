"""Our client for lists against Apache Kafka: every codec, aborted transactions, a broker that dies and comes back."""

import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import redis

from benchmarks.performance.apache_kafka import ApacheKafka
from penchant import Click, EventProducer, Recommendations
from serving.catalogue import pack
from serving.kafka.admin import open_admin
from serving.state.keyspace import Keyspace
from tests.foreign.librdkafka import produce
from tests.foreign.plans import Do, Send, SendPlan
from tests.foreign.segments import CODECS, batches
from tests.support.api import ready, running_api
from tests.support.client_topics import ListTopics, a_list
from tests.support.waiting import slowness, until

pytestmark = pytest.mark.kafka
_START_S = 30.0


def sent(topics: ListTopics, user_id: str, version: int, *items: str) -> Send:
    return Send(topics.topics.recommendations, user_id.encode(), a_list(user_id, version, *items))


@pytest.fixture
def own_kafka(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[ApacheKafka]:
    """A broker that may be killed."""
    caplog.set_level("CRITICAL", "kafka")  # what is logged keeps sockets alive
    made = ApacheKafka(tmp_path)
    made.start()
    yield made
    made.stop()
    gc.collect()


def test_lists_in_every_codec_and_of_committed_transactions_alone(kafka: ApacheKafka, prefix: str) -> None:
    topics = ListTopics(kafka.bootstrap, prefix)
    items = [f"item-{number}" for number in range(20)]
    for codec in CODECS:
        plan = tuple(sent(topics, f"{codec}-{number}", 1, *items) for number in range(20))
        produce(kafka.bootstrap, SendPlan(plan, codec=codec, linger_ms=200, partitioner="murmur2_random"))
    assert {batch.codec for batch in batches(kafka, topics.topics.recommendations)} == set(CODECS)
    steps = (
        *(Do.BEGIN, sent(topics, "u1", 1), Do.COMMIT),
        *(Do.BEGIN, sent(topics, "u1", 2), sent(topics, "u2", 2), Do.FLUSH, Do.ABORT),
        *(Do.BEGIN, sent(topics, "u3", 3), Do.COMMIT),
    )
    produce(kafka.bootstrap, SendPlan(steps, transactional_id=prefix, partitioner="murmur2_random"))

    with Recommendations(kafka.bootstrap, prefix) as lists:
        assert lists.ready(_START_S * slowness()), lists.problem
        assert all(
            [item.item_id for item in lists.get(f"{codec}-{number}").items] == items
            for codec in CODECS
            for number in range(20)
        )
        assert [lists.get(user_id).version for user_id in ("u1", "u2", "u3")] == [1, 0, 3]


def test_a_broker_that_is_killed_and_restarted_and_topics_made_anew(
    own_kafka: ApacheKafka, prefix: str, redis_url: str, tmp_path: Path
) -> None:
    """Given a client, a producer and an API, when the broker dies and comes back with its log, then all go on."""
    topics = ListTopics(own_kafka.bootstrap, prefix)
    topics.publish(*((f"u{number}", a_list(f"u{number}", 1)) for number in range(50)))
    topics.embedded({"i1": {"vector": pack(np.ones(4, np.float32))}})
    with redis.Redis.from_url(redis_url) as store:
        store.set(Keyspace(prefix).common("fingerprint"), "f")
    settings = {"PENCHANT_PREFIX": prefix, "PENCHANT_API_SILENT_S": "2"}
    with (
        Recommendations(own_kafka.bootstrap, prefix, silent_s=2.0) as lists,
        EventProducer(own_kafka.bootstrap, prefix) as events,
        running_api(tmp_path, own_kafka.bootstrap, redis_url, **settings) as api,
    ):
        assert lists.ready(_START_S * slowness()), lists.problem
        ready(api)

        def told(user_id: str) -> tuple[str, int]:
            """By the API; what it knows nothing of is nobody's."""
            answer = api.list_of(user_id)
            return (answer.body["path"], answer.body["version"]) if answer.status == 200 else ("none", 0)

        def ranked() -> str | None:
            """The path of what is made on demand."""
            answer = api.ask("/v1/users/u1/rank", {"items": ["i1"]})
            return answer.body["path"] if answer.status == 200 else None

        assert until(lambda: ranked() == "trending", 60), api.child.last_lines()
        own_kafka.kill()
        assert until(lambda: lists.get("u1").path == "stale", 10)
        assert lists.get("u1").version == 1
        assert until(lambda: told("u1") == ("stale", 1), 10)
        assert until(lambda: ranked() == "stale", 10)
        sent = events.send(Click(user_id="u1", item_id="i9", type="click"))
        own_kafka.start()
        assert sent.result(60).topic == topics.topics.clicks, "what was sent meanwhile goes on its way"
        topics.publish(("u1", a_list("u1", 3)), ("u1", a_list("u1", 2)), ("u2", None))

        assert until(lambda: lists.get("u1").version == 3, 30), lists.problem
        assert until(lambda: (lists.get("u2").path, lists.get("u3").path) == ("none", "live"))
        assert [lists.get(f"u{number}").version for number in range(3, 50)] == [1] * 47
        assert until(lambda: lists.problem == ""), lists.problem
        after = [("live", 3), ("none", 0), *[("live", 1)] * 47]
        assert until(lambda: [told(f"u{number}") for number in range(1, 50)] == after, 30)
        assert until(api.ready, 30)
        assert until(lambda: ranked() == "trending", 30)

        with open_admin(own_kafka.bootstrap) as admin:
            admin.delete_topics([topics.topics.recommendations])
        again = ListTopics(own_kafka.bootstrap, prefix)
        again.publish(*((f"u{number}", a_list(f"u{number}", 2)) for number in range(10, 90)))
        # What stands behind where it had read comes first; within five seconds it notices that it is another topic.
        anew = [0, 0, 2, 2]
        assert until(lambda: [lists.get(f"u{number}").version for number in (1, 3, 10, 80)] == anew, 30), lists.problem
