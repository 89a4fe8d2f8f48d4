"""Server-sent events from a real API process."""

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.conftest import Broker
from tests.support.api import RunningApi, ready, running_api
from tests.support.client_topics import ListTopics, a_list
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def prefix() -> str:
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def topics(broker: Broker, prefix: str) -> ListTopics:
    return ListTopics(broker.bootstrap, prefix)


@pytest.fixture(scope="module")
def api(
    broker: Broker, redis_url: str, prefix: str, topics: ListTopics, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    settings = {"PENCHANT_PREFIX": prefix, "PENCHANT_API_HEARTBEAT_S": "0.1", "PENCHANT_API_MOST_STREAMS": "3"}
    with running_api(tmp_path_factory.mktemp("api"), broker.bootstrap, redis_url, **settings) as made:
        yield ready(made)


def event(lines: Iterator[bytes]) -> tuple[str, int]:
    """The next event's name and its list's version."""
    told: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            told[name] = value
        elif "event" in told:
            version = json.loads(told["data"]).get("version", 0)
            assert told.get("id", "0") == str(version)
            return told["event"], version
        else:
            told = {}
    raise AssertionError("the stream has ended")


def test_each_new_list_is_an_event(api: RunningApi, topics: ListTopics) -> None:
    topics.publish(("a/1", a_list("a/1", 1)))
    assert until(lambda: api.list_of("a/1").status == 200)

    with api.stream("a/1") as lines:
        assert event(lines) == ("list", 1)
        topics.publish(("other", a_list("other", 7)), ("a/1", a_list("a/1", 2)))
        assert event(lines) == ("list", 2)
        topics.publish(("a/1", None))
        assert event(lines) == ("erased", 0)


def test_who_comes_back_is_not_told_again(api: RunningApi, topics: ListTopics) -> None:
    topics.publish(("back", a_list("back", 5)))
    assert until(lambda: api.list_of("back").status == 200)

    with api.stream("back", Last_Event_ID="5") as lines:
        topics.publish(("back", a_list("back", 6)))
        assert event(lines) == ("list", 6)


def test_a_silent_stream_says_that_it_is_alive(api: RunningApi) -> None:
    with api.stream("nobody") as lines:
        assert [next(lines) for _ in range(5)] == [b"retry: 2000\n", b"\n", b": still here\n", b"\n", b": still here\n"]


def test_streams_are_bounded_and_those_of_who_left_count_no_more(api: RunningApi) -> None:
    with ExitStack() as streams:
        for _ in range(3):
            opened(api, streams)
        refused = api.ask("/v1/users/u1/events")
        assert (refused.status, refused.body["reason"]) == (503, "too_many_streams")
        assert "retry-after" in refused.headers
    with ExitStack() as streams:
        opened(api, streams)


def opened(api: RunningApi, streams: ExitStack) -> Iterator[bytes]:
    """A stream, once there is room: of who left the heartbeat finds that nobody listens."""
    found: list[Iterator[bytes]] = []

    def there() -> bool:
        with suppress(OSError):
            found.append(streams.enter_context(api.stream("u1")))
        return bool(found)

    assert until(there)
    return found[0]


def test_a_process_that_is_told_to_stop_ends_its_streams(api: RunningApi) -> None:
    """The last one of this module."""
    with ExitStack() as streams:
        lines = opened(api, streams)
        assert next(lines) == b"retry: 2000\n"
        api.child.ask_to_stop()
        assert all(line in {b"\n", b": still here\n"} for line in lines)
    assert api.child.stop(60) == 0
