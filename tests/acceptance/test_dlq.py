"""Dead letters through real workers: seen, fixed, sent back, and counted once."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from penchant.partitioner import partition_of
from penchant.topics import Topic
from serving.kafka.admin import read_topic
from serving.model.artifact import open_artifact
from serving.state.user_state import decode
from stream.events.records import ORIGIN
from tests.acceptance.test_events_to_lists import FILMS
from tests.support.command import Ran, penchant
from tests.support.system import System, header
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]


def dlq(system: System, *arguments: str) -> Ran:
    """Run `penchant dlq …` on a system."""
    where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    return penchant("dlq", *arguments, *where)


def log(system: System, topic: str) -> list[Any]:
    """All records of a topic now."""
    return list(read_topic(system.bootstrap, topic))


def home(system: System, user: str) -> int:
    """The partition of a user."""
    return partition_of(user, system.partitions)


def seen(system: System, user: str) -> int:
    """How many events the stored state of a user has counted, by its seen set."""
    fingerprint = open_artifact(system.environment["PENCHANT_MODEL"]).fingerprint
    key = f"{{{system.topics.prefix}:{home(system, user)}}}:u:{user}"
    with redis.Redis.from_url(system.redis_url) as client:
        record = client.get(key)
    assert isinstance(record, bytes)
    return int(decode(record, fingerprint).seen["count"].sum())


def weights_with(folder: Path, action: str) -> Path:
    """A weights file that knows one more action."""
    shipped = (Path(__file__).parents[2] / "stream" / "events" / "weights.toml").read_text(encoding="utf-8")
    path = folder / "weights.toml"
    path.write_text(shipped.replace("[actions]\n", f"[actions]\n{action} = {{ pair = 1.0, taste = 1.0 }}\n"), "utf-8")
    return path


def test_what_was_fixed_is_sent_back_and_counts_once(system: System, tmp_path: Path) -> None:
    """Given an action that the weights file did not list, when it lists it, then a redrive brings each event once."""
    worker = system.start_ready()
    system.publish(FILMS)
    for n in range(3):
        system.click("u1", f"f{n}", "teleport", event_id=f"t{n}")
    system.send(system.topics.clicks, {"user_id": "u2", "item_id": "f5", "type": "teleport"})  # no id of its own
    astray = (home(system, "u3") + 1) % system.partitions
    lost = {"user_id": "u3", "item_id": "f6", "type": "click"}
    first = system.send(
        system.topics.clicks, lost, partition=astray, headers=[(ORIGIN, b"elsewhere-0-1"), ("trace", b"\xff")]
    )
    first.get(timeout=60)
    system.send(system.topics.clicks, b"{nonsense", key="u4")
    dead_letters = {record.key: record for record in system.dead(system.topics.clicks, 6)}
    placeless = f"{system.topics.clicks}-{home(system, 'u2')}-{header(dead_letters[b'u2'], 'penchant.offset')}"

    counted = dlq(system, "ls", "--json").json
    assert {row["reason"]: (row["letters"], row["redriven"]) for row in counted["letters"]} == {
        "unknown_type": (4, 0), "wrong_partition": (1, 0), "not_json": (1, 0)
    }  # fmt: skip
    assert (counted["total"], counted["erasures"]) == (6, 0)

    worker.child.stop()
    worker = system.start_ready(PENCHANT_WEIGHTS=str(weights_with(tmp_path, "teleport")))
    before = log(system, system.topics.clicks)
    planned = dlq(system, "redrive", "--reason", "unknown_type", "--reason", "wrong_partition", "--dry-run", "--json")
    assert planned.json["total"] == 5
    assert len(log(system, system.topics.clicks)) == len(before), "a dry run sends nothing"

    done = dlq(system, "redrive", "--reason", "unknown_type", "--reason", "wrong_partition", "--json")
    assert (done.exit_code, done.json["total"], done.json["left"]) == (0, 5, 0)
    for n in range(3):
        system.list_for("u1", f"t{n}")
    system.list_for("u2", placeless)
    system.list_for("u3", "elsewhere-0-1")

    now = log(system, system.topics.clicks)
    assert len(now) == len(before) + 5
    copies = {record.key: record for record in now if "penchant.attempts" in dict(record.headers)}
    for user in (b"u1", b"u2", b"u3"):
        copy, dead_letter = copies[user], dead_letters[user]
        assert (copy.key, copy.value, copy.timestamp) == (dead_letter.key, dead_letter.value, dead_letter.timestamp)
        assert copy.partition == home(system, user.decode())
        assert header(copy, "penchant.attempts") == "1"
        assert not {name for name, _ in copy.headers} & {"penchant.error", "penchant.offset", "penchant.time"}
    assert dict(copies[b"u3"].headers)["trace"] == b"\xff"

    # What was sent back is not sent back again, by whatever filter; the one that was left out before is.
    rest = dlq(system, "redrive", "--json").json
    assert [(row["reason"], row["letters"]) for row in rest["redriven"]] == [("not_json", 1)]
    attempts = [record for record in system.dead(system.topics.clicks, 7) if record.key == b"u4"]
    assert [header(record, "penchant.attempts") for record in attempts] == ["1", "2"]

    # Asked for again, events are sent again and still count once.
    again = dlq(system, "redrive", "--again", "--reason", "unknown_type", "--json").json
    assert again["total"] == 4
    system.click("u1", "f8", event_id="last-1")
    system.click("u2", "f8", event_id="last-2")
    last = {"u1": system.list_for("u1", "last-1"), "u2": system.list_for("u2", "last-2")}
    assert until(lambda: (seen(system, "u1"), seen(system, "u2"), seen(system, "u3")) == (4, 2, 1))
    assert {f["event_id"] for f in last["u1"]["folded"] if f.get("duplicate")} == {"t0", "t1", "t2"}
    assert {f["event_id"] for f in last["u2"]["folded"] if f.get("duplicate")} == {placeless}
    table = dlq(system, "ls", "--reason", "unknown_type")
    assert "unknown_type" in table.out
    assert "not_json" not in table.out


@pytest.fixture(scope="module")
def lettered(shared_small: System) -> System:
    """One dead letter each: not JSON, no UTF-8, a bad time, a bad item, an erasure that names nobody's id."""
    topics = shared_small.topics
    shared_small.send(topics.clicks, b"{nonsense \x1b[31m", key="u1", headers=[("trace", b"ab")])
    shared_small.send(topics.clicks, b"\xff\xfe", key="u2")
    shared_small.send(topics.reviews, {"user_id": "u1", "text": "片", "event_time": "noon"})
    shared_small.send(topics.items, {"item_id": "i1"})
    erase = {"type": "erase", "user_id": "u1", "command_id": "c1"}
    shared_small.send(topics.commands, json.dumps(erase).encode(), key="u9")
    for topic, number in ((topics.clicks, 2), (topics.reviews, 1), (topics.items, 1)):
        shared_small.dead(topic, number)
    assert until(lambda: len(log(shared_small, topics.dlq(Topic.COMMANDS))) == 1)
    return shared_small


def test_dead_letters_are_shown_with_their_bytes(lettered: System) -> None:
    told = [json.loads(line) for line in dlq(lettered, "show", "--json").out.splitlines()]
    assert {one["reason"] for one in told} == {"not_json", "bad_time", "missing_field", "key_mismatch"}
    assert [one["time"] for one in told] == sorted(one["time"] for one in told)
    (nonsense,) = (one for one in told if one.get("value") == "{nonsense \x1b[31m")
    assert nonsense["key"] == "u1"
    assert ["trace", "ab"] in nonsense["headers"]
    assert nonsense["topic"] == lettered.topics.clicks
    assert nonsense["partition"] == home(lettered, "u1")
    assert [one["value_base64"] for one in told if "value_base64" in one] == ["//4="]

    shown = dlq(lettered, "show", "--topic", "clicks", "--user", "u1").out
    assert "{nonsense \\x1b[31m" in shown
    assert "\x1b" not in shown, "what somebody sent does not steer the terminal"
    assert "header trace" in shown
    assert "片" in dlq(lettered, "show", "--reason", "bad_time").out


@pytest.mark.parametrize(
    ("options", "topics"),
    [
        (["--topic", "items", "--topic", "reviews"], {"items", "reviews"}),
        (["--user", "u1"], {"clicks", "reviews"}),
        (["--user", "i1"], {"items"}),
        (["--since", "1h", "--reason", "bad_time"], {"reviews"}),
        (["--until", "2026-01-01T00:00:00Z"], set()),
        (["--reason", "unknown_item"], set()),
    ],
)
def test_filters_choose(lettered: System, options: list[str], topics: set[str]) -> None:
    counted = dlq(lettered, "ls", "--json", *options).json
    assert {row["topic"] for row in counted["letters"]} == {
        lettered.topics.name(Topic[name.upper()]) for name in topics
    }


def test_a_time_that_cannot_be_read_is_a_usage_error(lettered: System) -> None:
    assert "zone" in (ran := dlq(lettered, "ls", "--since", "2026-01-01T00:00:00")).err
    assert ran.exit_code == 2


def test_erasures_are_named_and_go_first(lettered: System) -> None:
    """Given five dead letters, when one may be sent back, then it is the erasure."""
    counted = dlq(lettered, "ls", "--json")
    assert counted.json["erasures"] == 1
    assert "erase" in counted.err
    where = ["--bootstrap", lettered.bootstrap, "--redis", lettered.redis_url, "--prefix", lettered.topics.prefix]
    parked = penchant("doctor", "--json", *where).json["dead_letters"]
    assert (parked["ok"], parked["erasures"], parked["count"]) == (False, 1, 5)
    assert parked["by_reason"] == {"not_json": 2, "bad_time": 1, "missing_field": 1, "key_mismatch": 1}
    assert "penchant dlq redrive --topic commands" in parked["do"]

    done = dlq(lettered, "redrive", "--limit", "1", "--json").json
    assert done["redriven"] == [{"topic": lettered.topics.commands, "reason": "key_mismatch", "letters": 1}]
    assert until(lambda: len(log(lettered, lettered.topics.dlq(Topic.COMMANDS))) == 2), "wrong still, so back again"


def test_the_rate_is_kept(lettered: System) -> None:
    began = time.monotonic()
    done = dlq(lettered, "redrive", "--again", "--topic", "clicks", "--limit", "2", "--rate", "0.5", "--json").json
    assert done["total"] == 2
    assert time.monotonic() - began > 2


def test_what_no_worker_wrote_is_left_and_named(system: System) -> None:
    name = system.topics.dlq(Topic.REVIEWS)
    system.send(name, b"hello", key="u1").get(timeout=60)
    done = dlq(system, "redrive", "--json")
    assert (done.exit_code, done.json["total"], done.json["left"]) == (65, 0, 1)
    assert done.json["named"][0]["topic"] == name
    assert "a worker did not write it" in dlq(system, "redrive").err
    assert "(not a worker's)" in dlq(system, "ls").out


def test_without_topics_or_broker_it_says_what_to_do(system: System) -> None:
    missing = penchant("dlq", "ls", "--bootstrap", system.bootstrap, "--prefix", "nothing-here")
    assert missing.exit_code == 78
    assert "penchant topics create" in missing.err
    assert penchant("dlq", "redrive", "--bootstrap", "127.0.0.1:1").exit_code == 75
