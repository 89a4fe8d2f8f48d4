"""Events and commands sent over HTTP, read again from the topics."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from serving.kafka.admin import read_topic
from tests.conftest import Broker
from tests.support.api import Answer, RunningApi, ready, running_api
from tests.support.client_topics import ListTopics
from tests.support.waiting import until

pytestmark = pytest.mark.kafka
CLICK = {"user_id": "u/1 🦊", "item_id": "i1", "type": "click"}


@dataclass(frozen=True)
class Taking:
    api: RunningApi
    topics: ListTopics

    def send(self, body: object, path: str = "/v1/events") -> Answer:
        return self.api.ask(path, body)

    def records(self, topic: str) -> list[Any]:
        return list(read_topic(self.topics.bootstrap, topic))

    def messages(self) -> dict[str, dict[str, Any]]:
        """Everything that was sent, by id."""
        names = self.topics.topics
        values = [
            json.loads(r.value) for each in (names.clicks, names.reviews, names.commands) for r in self.records(each)
        ]
        return {value.get("command_id") or value["event_id"]: value for value in values}


@pytest.fixture(scope="module")
def taking(broker: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taking]:
    prefix = f"test-{secrets.token_hex(4)}"
    topics = ListTopics(broker.bootstrap, prefix)
    settings = {
        "PENCHANT_PREFIX": prefix,
        "PENCHANT_API_MOST_BODY_BYTES": "70000",
        "PENCHANT_API_BUFFER_BYTES": "40000",
    }
    with running_api(tmp_path_factory.mktemp("api"), broker.bootstrap, redis_url, **settings) as api:
        ready(api)
        assert until(lambda: api.ask("/v1/events", CLICK).status == 202)
        yield Taking(api, topics)


def test_an_event_stands_on_its_topic_once_it_is_taken(taking: Taking) -> None:
    answer = taking.send({**CLICK, "event_id": "c-1", "context": {"language": "zh"}, "unknown": 1})

    assert (answer.status, answer.body) == (202, {"ids": ["c-1"]})
    (record,) = [each for each in taking.records(taking.topics.topics.clicks) if b'"c-1"' in each.value]
    assert record.key.decode() == CLICK["user_id"]
    assert json.loads(record.value)["context"] == {"language": "zh"}
    assert dict(record.headers)["ce_source"] == b"penchant-api"


def test_a_list_of_events_goes_where_each_belongs(taking: Taking) -> None:
    answer = taking.send(
        [
            {"user_id": "u2", "text": "我喜欢看电影，尤其是科幻片"},
            {"user_id": "u2", "item_id": "i1", "rating": 4},
            {"user_id": "u2", "item_id": "i1", "type": "rate", "value": 4},
        ]
    )

    assert answer.status == 202
    sent = [taking.messages()[each] for each in answer.body["ids"]]
    assert [each.get("text") for each in sent] == ["我喜欢看电影，尤其是科幻片", "", None]


def test_commands(taking: Taking) -> None:
    erase = {"type": "erase", "user_id": "u3"}

    answer = taking.send([{**erase, "command_id": "k-1"}, erase], "/v1/commands")

    assert answer.status == 202
    assert answer.body["ids"][0] == "k-1"
    assert [taking.messages()[each]["type"] for each in answer.body["ids"]] == ["erase", "erase"]


def test_nothing_is_sent_where_one_is_wrong_and_each_is_named(taking: Taking) -> None:
    before = len(taking.messages())

    answer = taking.send(
        [
            CLICK,
            {**CLICK, "type": "rate", "value": 11, "event_id": "bad"},
            {"user_id": "u1"},
            {**CLICK, "user_id": "*"},
            {**CLICK, "user_id": 7},
            {"user_id": "u1", "text": "x" * 33_000},
            "no object",
            {**CLICK, "event_time": "yesterday"},
        ]
    )

    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    reasons = ["bad_rating", "missing_field", "bad_id", "schema", "too_large", "schema", "bad_time"]
    assert [(each["index"], each["reason"]) for each in answer.body["errors"]] == list(enumerate(reasons, 1))
    assert answer.body["errors"][0]["event_id"] == "bad"
    wrong = taking.send({"type": "forget", "user_id": "u1"}, "/v1/commands")
    assert (wrong.status, wrong.body["errors"][0]["reason"]) == (422, "unknown_type")
    assert len(taking.messages()) == before


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "not_json"),
        (b"[]", 400, "bad_count"),
        (b"[" * 5000, 400, "not_json"),
        (b'"\xff"', 400, "not_json"),
        (b" " * 80_000, 413, "request_entity_too_large"),
    ],
)
def test_bodies_that_are_none(taking: Taking, body: bytes, status: int, reason: str) -> None:
    answer = taking.send(body)

    assert (answer.status, answer.body["reason"]) == (status, reason)


def test_another_site_cannot_send_what_a_form_can(taking: Taking) -> None:
    answer = taking.api.ask("/v1/events", CLICK, Content_Type="text/plain")

    assert (answer.status, answer.body["reason"]) == (415, "unsupported_media_type")


def test_a_full_buffer_says_when_to_come_again(taking: Taking) -> None:
    """The buffer of this API holds 40,000 bytes."""
    review = {"user_id": "u4", "text": "x" * 30_000}

    answer = taking.send([{**review, "event_id": "t-1"}, {**review, "event_id": "t-2"}])

    assert (answer.status, answer.body["reason"], answer.headers["retry-after"]) == (503, "buffer_full", "1")
    assert answer.body["ids"] == ["t-1", "t-2"]
    assert until(lambda: taking.send({**review, "event_id": "t-2"}).status == 202)
