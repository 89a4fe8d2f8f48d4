"""Lists over HTTP, from a real API process that follows real topics."""

import json
import math
import re
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest
import redis

from penchant.messages import RecommendationList
from penchant.partitioner import partition_of
from serving.arrays import Vector
from serving.catalogue import pack
from serving.state.keyspace import Keyspace
from serving.state.user_state import Alias, EventKind, RecentText, Ref, RingEvent, UserState, Word, encode
from tests.conftest import Broker
from tests.support.api import Answer, RunningApi, ready, running_api
from tests.support.client_topics import PARTITIONS, ListTopics, a_list
from tests.support.waiting import until

pytestmark = pytest.mark.kafka
ODD_IDS = ["a/b", "a?b&c=d%2F", "50%", "两 个 词", "🦊", "a#b", "..", "a+b;c,d"]


@dataclass(frozen=True)
class Served:
    api: RunningApi
    topics: ListTopics


@pytest.fixture(scope="module")
def served(broker: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One API for all tests, each with users of its own; what trends is i7."""
    prefix = f"test-{secrets.token_hex(4)}"
    topics = ListTopics(broker.bootstrap, prefix)
    topics.publish(("*", a_list("*", 1, "i7")))
    folder = tmp_path_factory.mktemp("api")
    nowhere = str(folder / "no model")
    with running_api(folder, broker.bootstrap, redis_url, PENCHANT_PREFIX=prefix, PENCHANT_MODEL=nowhere) as api:
        yield Served(ready(api), topics)


def publish(served: Served, user_id: str, raw: bytes) -> None:
    """Publish a list, and wait until it is answered."""
    served.topics.publish((user_id, raw))
    version = json.loads(raw)["version"]
    assert until(lambda: served.api.list_of(user_id).body.get("version") == version)


def ids(body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["item_id"] for item in body["items"]]


def test_the_message_is_as_on_the_topic(served: Served) -> None:
    publish(served, "plain", raw := a_list("plain", 1, "i1", "i2"))

    answer = served.api.list_of("plain")

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.raw == raw


def test_answers_are_as_they_are_described(served: Served) -> None:
    publish(served, "described", a_list("described", 1, "i1"))
    described = served.api.ask("/openapi.json").body

    for answer, name in (
        (served.api.list_of("described"), "RecommendationList"),
        (served.api.ask("/no"), "ProblemBody"),
    ):
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.validate(answer.body, schema, jsonschema.Draft202012Validator)


def test_any_id_works_in_a_path(served: Served) -> None:
    served.topics.publish(*((user_id, a_list(user_id, 1, "i1")) for user_id in ODD_IDS))

    def told() -> list[str | None]:
        return [served.api.list_of(user_id).body.get("user_id") for user_id in ODD_IDS]

    assert until(lambda: told() == ODD_IDS), told()


def test_who_is_not_known_is_told_what_trends_if_that_is_asked_for(served: Served) -> None:
    unknown, trending = served.api.list_of("nobody"), served.api.list_of("nobody", "?fallback=trending")

    assert (unknown.status, unknown.headers["content-type"]) == (404, "application/problem+json")
    assert (unknown.body["reason"], unknown.body["status"]) == ("unknown_user", 404)
    assert "fallback=trending" in unknown.body["detail"]
    assert (trending.status, trending.body["path"], trending.body["user_id"]) == (200, "trending", "*")


def test_an_erased_user_is_not_known(served: Served) -> None:
    publish(served, "erased", a_list("erased", 1))

    served.topics.publish(("erased", None))

    assert until(lambda: served.api.list_of("erased").status == 404)


def test_a_part_of_a_list(served: Served) -> None:
    publish(served, "part", a_list("part", 1, "i1", "i2", "i,3", "i4"))

    def part(query: str) -> list[str]:
        return ids(served.api.list_of("part", query).body)

    assert part("?k=2") == ["i1", "i2"]
    assert part("?k=1000") == ["i1", "i2", "i,3", "i4"]
    assert part("?exclude=i1,i2") == ["i,3", "i4"]
    assert part("?exclude=i1&exclude=i%2C3&k=1") == ["i2"]
    assert part("?offset=1&k=2") == ["i2", "i,3"]
    assert part("?offset=1&exclude=i2") == ["i,3", "i4"]
    assert part("?offset=0") == ["i1", "i2", "i,3", "i4"]
    assert part("?offset=4") == part("?offset=1000&k=5") == []


def publish_items(served: Served, items: dict[str, dict[str, object]]) -> None:
    """Items as workers embed them."""
    served.topics.embedded(items)


def test_items_with_a_facet(served: Served) -> None:
    facets = {
        "f1": {"genre": ["Sci-Fi", "Horror"], "year": "1979"},
        "f2": {"genre": "Sci-Fi", "year": "1982"},
        "f3": {"genre": "Western", "year": "1979"},
    }
    publish_items(served, {item_id: {"facets": each} for item_id, each in facets.items()})
    publish(served, "facets", a_list("facets", 1, "f1", "f2", "f3", "f4"))

    def having(query: str) -> list[str]:
        return ids(served.api.list_of("facets", query).body)

    assert until(lambda: having("?facet.genre=sci-fi") == ["f1", "f2"])
    assert having("?facet.genre=sci-fi&facet.genre=Western") == ["f1", "f2", "f3"]
    assert having("?facet.genre=Sci-Fi&facet.year=1979") == ["f1"]
    assert having("?facet.colour=red") == []


def turned(degrees: float) -> Vector:
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], np.float32)


def test_items_that_are_like_one(served: Served) -> None:
    """Given items in the plane, then those in like directions are near, but for those that are not on offer."""
    angles = {"s/0": 0, "s1": 10, "s2": 20, "s3": 30, "s4": 180}
    items: dict[str, dict[str, object]] = {
        item_id: {"vector": pack(turned(angle)), "facets": {"side": "left"}} for item_id, angle in angles.items()
    }
    items["s2"]["available"] = False
    items["s3"] |= {"facets": {"side": "right"}, "title": "the third"}
    items["other"] = {"vector": pack(np.ones(3, np.float32)), "fingerprint": "another"}
    publish_items(served, items)

    def similar(query: str = "") -> list[str]:
        return ids(served.api.ask(f"/v1/items/s%2F0/similar{query}").body)

    assert until(lambda: all(served.api.ask(f"/v1/items/{each}/similar").status == 200 for each in ("s%2F0", "other")))
    assert until(lambda: similar() == ["s1", "s3", "s4"])
    assert similar("?k=1") == ["s1"]
    assert similar("?k=1&offset=1") == ["s3"]
    assert similar("?offset=3") == []
    assert similar("?facet.side=left&exclude=s1") == ["s4"]
    assert served.api.ask("/v1/items/s%2F0/similar").body["items"][1] == {
        "item_id": "s3",
        "title": "the third",
        "score": pytest.approx(math.cos(math.radians(30)), abs=0.001),
    }
    assert served.api.ask("/v1/items/other/similar").body["items"] == []
    unknown = served.api.ask("/v1/items/nothing/similar")
    assert (unknown.status, unknown.body["reason"]) == (404, "unknown_item")


def test_interests_by_name(served: Served, redis_url: str) -> None:
    """Given an event of a half-life ago, one of now against, and a statement, then each is named and weighed."""
    publish_items(served, {"n1": {"facets": {"genre": ["Sci-Fi", "Horror"], "year": "1979"}}})
    publish_items(served, {"n2": {"facets": {"genre": "Horror"}}})
    now_ms, half_life_ms = time.time_ns() // 1_000_000, 30 * 86_400_000
    ring = [
        RingEvent(now_ms - half_life_ms, "e1", 1, "n1", EventKind.CLICK, 1.0, 1.0),
        RingEvent(now_ms, "e2", 2, "n2", EventKind.DISMISS, 1.0, -1.0),
    ]
    words, spared = [Word("space", 0.5, 0)], [Word("romance", 1.0, 0)]
    said = RecentText(now_ms, "e3", "", 2.0, np.zeros(4, np.float16).tobytes(), words=words, spared=spared)
    states = {
        "named": UserState(ring=ring, texts=[said], event_count=0),
        "also": UserState(alias=Alias("named", "k-1", now_ms, Ref("t", 0, 0, "k-1", now_ms), "t", held=False)),
    }
    keys = Keyspace(served.topics.topics.prefix)
    with redis.Redis.from_url(redis_url) as store:
        store.set(keys.common("fingerprint"), "f")
        for user_id, state in states.items():
            store.set(keys.user(partition_of(user_id, PARTITIONS), user_id), encode(state, "f"))

    def told(user_id: str) -> dict[tuple[str | None, str], float]:
        body = served.api.ask(f"/v1/users/{user_id}/interests").body
        return {(each.get("facet"), each["name"]): round(each["weight"], 2) for each in body.get("interests", [])}

    expected = {
        ("genre", "Sci-Fi"): 0.5,
        ("genre", "Horror"): -0.5,
        (None, "space"): 1.0,
        (None, "romance"): -2.0,
    }
    assert until(lambda: told("named") == expected), told("named")
    assert told("also") == expected
    body = served.api.ask("/v1/users/named/interests").body
    assert body["interests"][0]["evidence"][0]["event_id"] == "e3"
    horror = next(each for each in body["interests"] if each["name"] == "Horror")
    assert [each["item_id"] for each in horror["evidence"]] == ["n2", "n1"]
    assert served.api.ask("/v1/users/nobody/interests").body["reason"] == "unknown_user"


def test_what_all_items_have_is_no_interest(broker: Broker, redis_url: str, tmp_path: Path) -> None:
    """Given that all are films, then nobody's interest is films, until there is a book, and when it is gone again."""
    prefix = f"test-{secrets.token_hex(4)}"
    topics = ListTopics(broker.bootstrap, prefix)
    state = UserState(ring=[RingEvent(time.time_ns() // 1_000_000, "e1", 1, "w1", EventKind.CLICK, 1.0, 1.0)])
    keys = Keyspace(prefix)
    with redis.Redis.from_url(redis_url) as store:
        store.set(keys.common("fingerprint"), "f")
        store.set(keys.user(partition_of("u1", PARTITIONS), "u1"), encode(state, "f"))
    with running_api(tmp_path, broker.bootstrap, redis_url, PENCHANT_PREFIX=prefix) as api:
        served = Served(ready(api), topics)

        def told() -> list[tuple[str, str]]:
            body = api.ask("/v1/users/u1/interests").body
            return [(each["facet"], each["name"]) for each in body.get("interests", [])]

        films = {"w1": {"kind": "film", "genre": ["War"]}, "w2": {"kind": "film", "genre": "Drama"}}
        publish_items(served, {item_id: {"facets": facets} for item_id, facets in films.items()})
        assert until(lambda: told() == [("genre", "War")]), told()
        publish_items(served, {"w3": {"facets": {"kind": "book"}}})
        assert until(lambda: told() == [("genre", "War"), ("kind", "film")]), told()
        publish_items(served, {"w3": {"facets": {"kind": "film"}}})
        assert until(lambda: told() == [("genre", "War")]), told()


def test_without_a_model_items_are_ranked_and_texts_are_not_read(served: Served, redis_url: str) -> None:
    """Given items that nobody interacted with, then they are told in some order, and a query says what is missing."""
    sides = {each: {"side": ["Left", "odd"] if number % 2 else "right"} for number, each in enumerate(ODD_IDS)}
    publish_items(
        served,
        {each: {"vector": pack(turned(angle)), "facets": sides[each]} for angle, each in enumerate(ODD_IDS)},
    )
    with redis.Redis.from_url(redis_url) as store:
        store.set(Keyspace(served.topics.topics.prefix).common("fingerprint"), "f")

    def rank(**filters: object) -> Answer:
        return served.api.ask("/v1/users/nobody/rank", {"items": [*ODD_IDS, "no such", ODD_IDS[0]], **filters})

    assert until(lambda: rank().status == 200, 60), rank().raw
    assert until(lambda: sorted(ids(rank().body)) == sorted(ODD_IDS))
    assert (rank().body["unknown"], rank().body["path"]) == (["no such"], "trending")
    left, right = sorted(ODD_IDS[1::2]), sorted(ODD_IDS[::2])
    assert sorted(ids(rank(**{"facet.side": "LEFT"}).body)) == left
    assert sorted(ids(rank(**{"facet.side": ["left", "Right"], "exclude": right}).body)) == left
    excluded = rank(exclude=f"{ODD_IDS[0]},{ODD_IDS[2]}", **{"facet.side": "right"}).body
    assert sorted(ids(excluded)) == sorted({*right} - {ODD_IDS[0], ODD_IDS[2]})
    assert (ids(rank(**{"facet.colour": "red"}).body), rank(exclude="no such").body["unknown"]) == ([], ["no such"])
    query = served.api.ask("/v1/users/nobody/query", {"text": "space"})
    assert (query.status, query.body["reason"], query.headers["retry-after"]) == (503, "no_model", "1")
    explained = served.api.ask("/v1/users/nobody/explain/a%2Fb")
    assert (explained.status, explained.body["reason"]) == (404, "unknown_user")


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("query", b"{", "not_json"),
        ("query", {"k": 3}, "schema"),
        ("query", {"text": "space", "k": 0}, "schema"),
        ("query", {"text": " "}, "missing_field"),
        ("query", {"text": "x" * 32_769}, "too_large"),
        ("rank", {"items": []}, "schema"),
        ("rank", {"items": ["i"] * 1001}, "schema"),
        ("rank", {"items": [""]}, "schema"),
        ("rank", {"items": ["é" * 256]}, "too_large"),
        ("rank", {"items": ["i1"], "exclude": 5}, "schema"),
        ("rank", {"items": ["i1"], "facet.genre": {"a": 1}}, "schema"),
        ("query", {"text": "space", "facet.genre": [1]}, "schema"),
    ],
)
def test_what_no_list_can_be_made_for_is_a_problem(served: Served, path: str, body: object, reason: str) -> None:
    answer = served.api.ask(f"/v1/users/u1/{path}", body)

    assert (answer.status // 100, answer.body["reason"]) == (4, reason)


def test_what_is_no_http_is_refused_and_not_written_down(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", int(served.api.address.rpartition(":")[2]))) as connection:
        connection.sendall("GET /v1/users/sécret/recommendations HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert b" 400 " in connection.recv(1000)
    assert "cret" not in served.api.child.last_lines(1000)


def test_what_is_gone_is_left_out_and_what_is_late_is_stale(served: Served) -> None:
    late = msgspec.json.decode(a_list("late", 1, "g1", "g2"), type=RecommendationList)
    publish(served, "late", msgspec.json.encode(msgspec.structs.replace(late, expires_at="2026-01-01T00:00:00Z")))

    served.topics.items(("g1", b'{"item_id": "g1", "title": "t", "available": false}'))

    assert until(lambda: ids(served.api.list_of("late").body) == ["g2"])
    assert served.api.list_of("late").body["path"] == "stale"


def test_an_unchanged_list_is_not_sent_again(served: Served) -> None:
    publish(served, "same", a_list("same", 1))
    tag = served.api.list_of("same").headers["etag"]

    again = served.api.list_of("same", If_None_Match=f'"other", W/{tag}')
    assert (again.status, again.raw, again.headers["etag"]) == (304, b"", tag)

    publish(served, "same", a_list("same", 2))
    assert served.api.list_of("same", If_None_Match=tag).status == 200


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/v1/users/u1/recommendations?k=0", 400, "bad_parameter"),
        ("/v1/users/u1/recommendations?k=1e3", 400, "bad_parameter"),
        ("/v1/users/u1/recommendations?k=1001", 400, "bad_parameter"),
        ("/v1/users/u1/recommendations?k=", 400, "bad_parameter"),
        ("/v1/users/u1/recommendations?offset=-1", 400, "bad_parameter"),
        ("/v1/users/u1/recommendations?offset=1001", 400, "bad_parameter"),
        ("/v1/users/u1/recommendations?fallback=", 400, "bad_parameter"),
        ("/v1/users/u1/recommendations?fallback=popular", 400, "bad_parameter"),
        (f"/v1/users/{'u' * 257}/recommendations", 400, "too_large"),
        ("/v1/users//recommendations", 404, "not_found"),
        ("/v1/nothing", 404, "not_found"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(served: Served, path: str, status: int, reason: str) -> None:
    answer = served.api.ask(path, X_Request_Id="mine-1")

    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers["x-request-id"] == answer.body["request_id"] == "mine-1"
    assert (answer.body["reason"], answer.body["status"]) == (reason, status)


def test_a_method_that_is_not_there(served: Served) -> None:
    answer = served.api.ask("/v1/users/u1/recommendations", {})

    assert (answer.status, answer.headers["content-type"]) == (405, "application/problem+json")
    assert "GET" in answer.headers["allow"]


def test_every_request_has_an_id_and_is_counted_without_users(served: Served) -> None:
    made, theirs = served.api.list_of("nobody"), served.api.list_of("nobody", X_Request_Id="with a space")

    assert re.fullmatch("[0-9a-f]{32}", made.headers["x-request-id"])
    assert re.fullmatch("[0-9a-f]{32}", theirs.headers["x-request-id"])
    metrics = served.api.ask("/metrics").raw.decode()
    assert 'route="/v1/users/{id}/recommendations",status="404"' in metrics
    assert "nobody" not in metrics
