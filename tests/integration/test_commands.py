import json
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from penchant.topics import Topics
from serving.kafka.admin import open_admin, read_topic
from tests.conftest import Broker
from tests.support.command import clean_environment, penchant
from tests.support.waiting import Stopwatch

pytestmark = pytest.mark.kafka


@pytest.fixture
def at(broker: Broker, redis_url: str, prefix: str) -> list[str]:
    """Options that name this test's system, with its topics made."""
    options = ["--bootstrap", broker.bootstrap, "--redis", redis_url, "--prefix", prefix]
    assert penchant("topics", "create", "--partitions", "3", *options).exit_code == 0
    return options


def a_list(user: str, version: int, *items: str) -> dict[str, Any]:
    return {
        "user_id": user,
        "version": version,
        "generated_at": "2026-11-22T10:00:00.140Z",
        "expires_at": "2026-11-23T10:00:00Z",
        "fingerprint": "e5s-00000000",
        "path": "live",
        "cause": {
            "topic": "penchant.clicks.v1",
            "partition": 0,
            "offset": 1,
            "event_id": "c-1",
            "event_time": "2026-11-22T10:00:00.123Z",
        },
        "folded": [],
        "items": [
            {
                "item_id": item,
                "score": 1.5,
                "source": "content",
                "reasons": [{"event_id": "c-1", "share": 0.4, "words": "[like] c-1"}],
            }
            for item in items
        ],
    }


def publish(broker: Broker, topic: str, *messages: tuple[str, dict[str, Any] | None]) -> None:
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        for key, message in messages:
            value = None if message is None else json.dumps(message).encode()
            producer.send(topic, key=key.encode(), value=value)
        producer.flush()


def test_create_says_what_it_made_and_what_was_there(broker: Broker, prefix: str) -> None:
    options = ["--bootstrap", broker.bootstrap, "--prefix", prefix, "--json"]

    made = penchant("topics", "create", *options)
    again = penchant("topics", "create", *options)
    other = penchant("topics", "create", "--partitions", "7", *options)

    assert (made.exit_code, again.exit_code) == (0, 0)
    assert made.json["made"] == sorted(made.json["made"], key=made.json["made"].index)
    assert len(made.json["made"]) == len(again.json["kept"]) == 15
    assert made.json["run"] == again.json["run"]
    assert other.exit_code == 78
    assert "4 partitions, not 7" in other.json["differing"][0]["problem"]


def test_produce_sends_the_good_lines_and_names_the_bad(broker: Broker, prefix: str, at: list[str]) -> None:
    topics = Topics(prefix)
    lines = [
        '{"item_id": "i1", "title": "星际穿越"}',
        "{broken",
        '{"user_id": "u1", "item_id": "i1", "type": "click"}',
        '{"type": "click"}',
        '{"user_id": "u1", "text": "我喜欢看电影，尤其是科幻片"}',
        '{"command_id": "c1", "type": "erase", "user_id": "u1"}',
        json.dumps({"user_id": "u1", "text": "x" * (2 * 1024 * 1024)}),
    ]

    ran = penchant("produce", "-", "--json", *at, stdin="\n".join(lines))

    assert ran.exit_code == 65
    assert ran.json["sent"] == {topics.items: 1, topics.clicks: 1, topics.reviews: 1, topics.commands: 1}
    assert [one["line"] for one in ran.json["bad_lines"]] == [2, 4, 7]
    assert "line 2: not JSON" in ran.err
    (click,) = read_topic(broker.bootstrap, topics.clicks)
    assert (click.key, click.value) == (b"u1", lines[2].encode())


def test_produce_partitions_as_java_does(broker: Broker, prefix: str, at: list[str]) -> None:
    """murmur2("21") is -973932308 by Kafka's own test; without its sign bit, modulo 3, that is partition 0."""
    penchant("produce", "-", *at, stdin='{"user_id": "21", "item_id": "i1", "type": "click"}')

    (click,) = read_topic(broker.bootstrap, Topics(prefix).clicks)
    assert click.partition == (-973932308 & 0x7FFFFFFF) % 3


def test_produce_removes_an_item_by_a_null(broker: Broker, prefix: str, at: list[str]) -> None:
    penchant("produce", "-", "--topic", "items", *at, stdin='{"item_id": "i1"}\n{"key": "i1", "value": null}')

    assert [record.value for record in read_topic(broker.bootstrap, Topics(prefix).items)] == [
        b'{"item_id": "i1"}',
        None,
    ]


def test_produce_without_topics_says_what_to_do(broker: Broker, prefix: str) -> None:
    ran = penchant("produce", "-", "--bootstrap", broker.bootstrap, "--prefix", prefix, stdin='{"item_id": "i1"}')

    assert ran.exit_code == 78
    assert "penchant topics create" in ran.err


def test_watch_once_shows_the_newest_list(broker: Broker, prefix: str, at: list[str]) -> None:
    topics = Topics(prefix)
    publish(
        broker,
        topics.recommendations,
        ("u1", a_list("u1", 100, "i1")),
        ("u2", a_list("u2", 900, "i9")),
        ("u1", a_list("u1", 102, "i2", "i3")),
        ("u1", a_list("u1", 101, "i1")),  # from a worker that had lost its partition
    )
    publish(broker, topics.item_vectors, ("i2", {"title": "Solaris [1972]"}))

    shown = penchant("watch", "u1", "--once", "--timeout", "120", *at)
    told = penchant("watch", "u1", "--once", "--json", "--timeout", "120", *at)

    assert told.json == a_list("u1", 102, "i2", "i3")
    assert shown.exit_code == 0
    assert "Solaris [1972]" in shown.out
    assert "i3" in shown.out
    assert "[like] c-1" in shown.out
    assert "17 ms after its event" in shown.out


def test_watch_follows(broker: Broker, prefix: str, at: list[str]) -> None:
    topics = Topics(prefix)
    publish(broker, topics.recommendations, ("u1", a_list("u1", 1, "i1")))
    command = [sys.executable, "-m", "deploy.cli", "watch", "u1", "--json", "--timeout", "120", *at]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment()) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["version"] == 1
        publish(broker, topics.recommendations, ("u1", a_list("u1", 2, "i2")), ("u1", None))
        assert json.loads(watching.stdout.readline())["version"] == 2
        assert json.loads(watching.stdout.readline()) == {"user_id": "u1", "erased": True}
        watching.send_signal(2)
        assert watching.wait(60) == 0


def test_watch_gives_up_after_its_timeout(at: list[str]) -> None:
    ran = penchant("watch", "nobody", "--timeout", "1", *at)

    assert ran.exit_code == 1
    assert "nobody" in ran.err


def test_doctor_counts_items_and_lag(broker: Broker, prefix: str, at: list[str]) -> None:
    topics = Topics(prefix)
    items = [f'{{"item_id": "i{number}"}}' for number in range(5)]
    penchant("produce", "-", *at, stdin="\n".join([*items, '{"item_id": "i0", "title": "again"}']))
    penchant("produce", "-", "--topic", "items", *at, stdin='{"key": "i4", "value": null}')
    publish(broker, topics.clicks, *[("u1", {"user_id": "u1", "item_id": "i1"}) for _ in range(20)])
    group = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=f"{prefix}-worker", enable_auto_commit=False)
    (record, *_) = read_topic(broker.bootstrap, topics.clicks)
    with closing(group):
        from kafka.structs import OffsetAndMetadata

        partition = TopicPartition(topics.clicks, record.partition)
        group.assign([partition])
        group.commit({partition: OffsetAndMetadata(12, "", -1)})

    checks = penchant("doctor", "--json", *at, "--model", "no-such-folder").json

    assert {name for name, check in checks.items() if check["ok"]} == {
        "broker",
        "clock",
        "redis",
        "topics",
        "items_known",
        "lag",
        "retention",
        "dead_letters",
        "limits",
        "isolation",
        "security",
    }
    assert checks["items_known"]["count"] == 4
    assert (checks["dead_letters"]["count"], checks["retention"]["digests_days"]) == (0, 90)
    assert checks["lag"]["by_topic"][topics.clicks] == 8
    assert checks["lag"]["by_topic"][topics.items] == 7
    assert "no-such-folder" in checks["model"]["found"]
    assert all(check["do"] for check in checks.values())


def test_doctor_finds_what_is_missing(broker: Broker, redis_url: str, prefix: str) -> None:
    nothing = ["--redis", "redis://:secret@127.0.0.1:1/0", "--prefix", prefix, "--json"]

    without_broker = penchant("doctor", "--bootstrap", "127.0.0.1:1", *nothing)
    without_topics = penchant("doctor", "--bootstrap", broker.bootstrap, *nothing)

    assert (without_broker.exit_code, without_topics.exit_code) == (1, 1)
    assert not any(without_broker.json[name]["ok"] for name in ("broker", "redis", "topics", "items_known", "lag"))
    assert "--bootstrap" in without_broker.json["broker"]["do"]
    assert "--redis" in without_broker.json["redis"]["do"]
    assert "secret" not in without_broker.out
    assert without_topics.json["broker"]["ok"]
    assert "penchant topics create" in without_topics.json["topics"]["do"]


def test_doctor_finds_topics_that_outlive_the_tombstones_of_erased_users(
    broker: Broker, redis_url: str, prefix: str
) -> None:
    """Given clicks that are kept for 120 days, then doctor says so, unless tombstones are kept for as long."""
    topics = Topics(prefix)
    days_ms = 86_400_000
    with open_admin(broker.bootstrap) as admin:
        made = {
            topics.clicks: {"cleanup.policy": "delete", "retention.ms": str(120 * days_ms)},
            topics.covisits: {"cleanup.policy": "delete", "retention.ms": str(3 * days_ms)},
        }
        for name, configs in made.items():
            one = {"num_partitions": 1, "replication_factor": 1, "configs": configs}
            admin.create_topics({name: one})
        admin.wait_for_topics(list(made))
    at = ["--bootstrap", broker.bootstrap, "--redis", redis_url, "--prefix", prefix]
    penchant("topics", "create", "--partitions", "1", *at)

    wrong = penchant("doctor", "--json", *at).json["retention"]
    long_enough = penchant("doctor", "--json", *at, environment={"PENCHANT_INPUT_RETENTION_DAYS": "120"}).json[
        "retention"
    ]

    assert not wrong["ok"]
    assert f"{topics.clicks}: is kept for 120 days, tombstones of erased users for 90 days" in wrong["found"]
    assert "PENCHANT_INPUT_RETENTION_DAYS" in wrong["do"]
    assert wrong["shorter_days"] == {topics.covisits: 3.0}
    assert long_enough["ok"]


def test_no_broker_ends_with_75_at_once() -> None:
    watch = Stopwatch()

    ran = penchant("topics", "create", "--bootstrap", "127.0.0.1:1")

    assert ran.exit_code == 75
    assert "PENCHANT_BOOTSTRAP" in ran.err
    assert "Traceback" not in ran.err
    assert watch.usual_s() < 10
