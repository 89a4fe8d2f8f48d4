"""The client for lists, on a broker that comes and goes."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.local.services import EmbeddedBroker, start_broker
from penchant import Recommendations, UserList
from tests.conftest import ON_APACHE, Broker
from tests.support.client_topics import PARTITIONS, ListTopics, a_list
from tests.support.waiting import slowness, until

pytestmark = pytest.mark.kafka
_START_S = 30.0


@pytest.fixture
def topics(broker: Broker, prefix: str) -> ListTopics:
    return ListTopics(broker.bootstrap, prefix)


@contextmanager
def client(topics: ListTopics, **options: Any) -> Iterator[Recommendations]:
    """A client that has read all that stands there."""
    quick = {"fetch_max_wait_ms": 5}  # for the embedded broker
    with Recommendations(topics.bootstrap, topics.topics.prefix, kafka=quick, **options) as lists:
        assert lists.ready(_START_S * slowness()), lists.problem
        yield lists


def ids(told: UserList) -> list[str]:
    return [item.item_id for item in told.items]


def test_lists_are_followed(topics: ListTopics) -> None:
    """Given lists on the topic, when newer, older and null ones come, then the newest of each user is known."""
    topics.publish(("*", a_list("*", 1, "i7")), *((f"u{n}", a_list(f"u{n}", 1, "i1", "i2")) for n in range(20)))
    topics.publish(("u1", a_list("u1", 3)), ("u1", a_list("u1", 2)), ("u2", None))
    topics.items(("i1", b'{"item_id": "i1", "title": "t", "available": false}'))
    with client(topics) as lists:
        assert lists.problem == ""
        assert (len(lists), lists.get("u1").version, lists.get("u2").path) == (20, 3, "trending")
        assert ids(lists.get("u3")) == ["i2"]

        topics.items(("i1", b'{"item_id": "i1", "title": "t"}'), ("i2", None))
        assert until(lambda: ids(lists.get("u3")) == ["i1"])
        topics.publish(("u3", a_list("u3", 2, "i3")))
        assert until(lambda: ids(lists.get("u3")) == ["i3"])
        topics.publish(("u3", None))
        assert until(lambda: lists.get("u3").path == "trending")
    assert lists.problem
    assert lists.get("u1").path == "stale", "it is followed no more"


def test_lists_that_do_not_fit_are_read_again(topics: ListTopics) -> None:
    topics.publish(*((f"u{n}", a_list(f"u{n}", n)) for n in range(30)))
    with client(topics, max_users=5) as lists:
        assert len(lists) == 30
        assert [lists.get(f"u{n}").version for n in range(30)] == list(range(30))
        topics.publish(("u3", a_list("u3", 100)), ("u4", None))
        assert until(lambda: lists.get("u3").version == 100)
        assert until(lambda: lists.get("u4").path == "none")


def test_some_partitions_are_followed(topics: ListTopics) -> None:
    topics.publish(("*", a_list("*", 1)), *((f"u{n}", a_list(f"u{n}", 1)) for n in range(30)))
    found = []
    for number in range(PARTITIONS):
        with client(topics, partitions=[number]) as lists:
            found.append(len(lists) - 1)
    assert sum(found) == 30
    assert all(found)


async def test_lists_are_waited_for(topics: ListTopics) -> None:
    topics.publish(("u1", a_list("u1", 1)))
    async with Recommendations(topics.bootstrap, topics.topics.prefix, kafka={"fetch_max_wait_ms": 5}) as lists:
        assert await lists.ready_async(_START_S * slowness())
        seen = []
        async for told in lists.watch("u1"):
            seen.append(told.version)
            if told.version == 3:
                break
            topics.publish(("u1", a_list("u1", told.version + 1)))
    assert seen == [1, 2, 3]


@pytest.mark.skipif(ON_APACHE, reason="the embedded broker is killed, whose log is gone then")
def test_a_broker_that_is_not_there_yet_or_gone_and_topics_made_anew(
    tmp_path: Path, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a client whose broker comes late, dies and comes back empty, then it goes on by itself."""
    caplog.set_level("CRITICAL", "kafka")  # what is logged keeps sockets alive
    with embedded(tmp_path) as first:
        port = first.port
        told: list[UserList] = []
        with Recommendations(f"127.0.0.1:{port}", prefix, silent_s=1.0, kafka={"fetch_max_wait_ms": 5}) as lists:
            lists.on_list(told.append)
            assert until(lambda: "is missing" in lists.problem), "the topics are made later"
            topics = ListTopics(first.bootstrap, prefix)
            topics.publish(("u1", a_list("u1", 7)), ("u2", a_list("u2", 7)))
            assert lists.ready(_START_S * slowness()), lists.problem
            assert until(lambda: len(told) == 2 and lists.get("u1").path == "live")

            first.child.kill()
            assert until(lambda: lists.get("u1").path == "stale"), "nothing was heard for a second"
            assert lists.problem
            assert ids(lists.get("u1")) == ["of-7"]

            with embedded(tmp_path, port) as second:
                ListTopics(second.bootstrap, prefix).publish(("u1", a_list("u1", 3)), ("u3", a_list("u3", 3)))
                assert until(lambda: lists.get("u1").version == 3, 30), lists.problem
                assert until(lambda: lists.get("u1").path == "live")
                assert until(lambda: lists.problem == "")
                assert (lists.get("u3").version, lists.get("u2").path) == (3, "none")
        assert [(each.user_id, each.version) for each in told[2:]] == [("u1", 3), ("u3", 3)]
    assert not any(thread.name.startswith("follow") for thread in threading.enumerate())
    gc.collect()


@contextmanager
def embedded(folder: Path, port: int | None = None) -> Iterator[EmbeddedBroker]:
    broker = start_broker(folder, port)
    yield broker
    broker.stop()
