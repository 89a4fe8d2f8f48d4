"""Who may ask a real API process, and who may not."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from serving.kafka.admin import read_topic
from tests.conftest import Broker
from tests.support.api import Answer, RunningApi, ready, running_api
from tests.support.client_topics import ListTopics, a_list
from tests.support.command import penchant
from tests.support.waiting import until

pytestmark = pytest.mark.kafka
CLICK = {"user_id": "u1", "item_id": "i1", "type": "click"}
ERASE = {"user_id": "u1", "type": "erase"}
LIST = "/v1/users/u1/recommendations"


def keys(roles: Mapping[str, str]) -> str:
    """A file, by key: its roles, with commas."""
    parts = []
    for number, (key, given) in enumerate(roles.items()):
        quoted = ", ".join(f'"{role}"' for role in given.split(","))
        parts.append(f'[keys.k{number}]\nsha256 = "{hashlib.sha256(key.encode()).hexdigest()}"\nroles = [{quoted}]\n')
    return "".join(parts)


@pytest.fixture(scope="module")
def prefix() -> str:
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def topics(broker: Broker, prefix: str) -> ListTopics:
    made = ListTopics(broker.bootstrap, prefix)
    made.publish(("u1", a_list("u1", 1)))
    return made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keys") / "keys.toml"
    text = keys({"reader": "read", "sender": "ingest", "chief": "admin", "both": "read,ingest"})
    made.write_text(text + keys({"of-some": "admin"}).replace("k0", "tenant") + 'users = ["shop-a-*", "u1"]\n')
    return made


@pytest.fixture(scope="module")
def api(broker: Broker, redis_url: str, prefix: str, topics: ListTopics, file: Path) -> Iterator[RunningApi]:
    settings = {"PENCHANT_PREFIX": prefix, "PENCHANT_API_KEYS": str(file)}
    with running_api(file.parent, broker.bootstrap, redis_url, **settings) as made:
        ready(made)
        assert until(lambda: made.ask("/v1/events", CLICK, Authorization="Bearer chief").status == 202)
        yield made


def asked(api: RunningApi, path: str, body: object, authorization: str) -> Answer:
    return api.ask(path, body, Authorization=authorization) if authorization else api.ask(path, body)


def test_nobody_is_answered_without_a_key(api: RunningApi, topics: ListTopics) -> None:
    before = sent(topics)

    for path, body in ((LIST, None), ("/v1/events", CLICK), ("/v1/commands", ERASE)):
        for authorization in ("", "Bearer nobody", "Bearer ", "Basic cmVhZGVy", "reader", "Bearer réader"):
            answer = asked(api, path, body, authorization)
            assert (answer.status, answer.body["reason"]) == (401, "unauthorized"), (path, authorization)
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert sent(topics) == before


def test_a_key_is_for_its_roles_alone(api: RunningApi, topics: ListTopics) -> None:
    before = sent(topics)

    for path, body, key in (
        (LIST, None, "sender"),
        ("/v1/users/u1/events", None, "sender"),
        ("/v1/users/u1/interests", None, "sender"),
        ("/v1/items/i1/similar", None, "sender"),
        ("/v1/events", CLICK, "reader"),
        ("/v1/commands", ERASE, "reader"),
        ("/v1/commands", ERASE, "both"),
        ("/v1/operator/users", None, "both"),
        ("/v1/operator/workers", None, "both"),
        ("/v1/operator/dead-letters", None, "both"),
        ("/v1/operator/dead-letters/redrive", {}, "both"),
        ("/v1/users/u1/history", None, "sender"),
        ("/v1/map", None, "sender"),
    ):
        answer = asked(api, path, body, f"Bearer {key}")
        assert (answer.status, answer.body["reason"]) == (403, "forbidden"), (path, key)
    assert sent(topics) == before


def test_what_each_role_may(api: RunningApi) -> None:
    assert asked(api, LIST, None, "bearer reader").status == 200
    assert asked(api, LIST, None, "Bearer both").status == 200
    assert asked(api, "/v1/events", CLICK, "Bearer sender").status == 202
    assert asked(api, "/v1/commands", ERASE, "Bearer chief").status == 202
    assert asked(api, LIST, None, "Bearer chief").status == 200
    assert {api.ask(path).status for path in ("/health/live", "/metrics", "/openapi.json", "/", "/web/app.js")} == {200}


def test_a_key_of_some_users_names_no_others(api: RunningApi, topics: ListTopics) -> None:
    """Of a merge both are named: whoever may command one user could take over any other, else."""
    before = sent(topics)
    merge = {"type": "merge", "user_id": "shop-a-7", "anonymous_id": "u1"}

    for path, body in (
        ("/v1/users/u2/recommendations", None),
        ("/v1/users/u12/history", None),
        ("/v1/users/u2/query", {"text": "space", "remember": True}),
        ("/v1/operator/users", None),
        ("/v1/commands", {**ERASE, "user_id": "u2"}),
        ("/v1/commands", {**merge, "anonymous_id": "victim"}),
        ("/v1/commands", {**merge, "user_id": "victim"}),
        ("/v1/commands", [merge, {**ERASE, "user_id": "shop-b-7"}]),
        ("/v1/events", [CLICK, {**CLICK, "user_id": "shop-b-7"}]),
    ):
        answer = asked(api, path, body, "Bearer of-some")
        assert (answer.status, answer.body["reason"]) == (403, "forbidden"), (path, body)
    assert sent(topics) == before
    assert asked(api, LIST, None, "Bearer of-some").status == 200
    assert asked(api, "/v1/events", CLICK, "Bearer of-some").status == 202
    assert asked(api, "/v1/commands", merge, "Bearer of-some").status == 202
    (sources,) = [
        [value for name, value in record.headers if name == "ce_source"]
        for record in read_topic(topics.bootstrap, topics.topics.commands)
        if b"shop-a-7" in record.value
    ]
    assert sources == [b"penchant-api/tenant"], "the audit of commands says who asked"


def test_keys_are_replaced_by_the_file(api: RunningApi, file: Path) -> None:
    before = file.read_text()
    file.write_text(keys({"another": "read"}))
    assert until(lambda: asked(api, LIST, None, "Bearer another").status == 200)
    assert asked(api, LIST, None, "Bearer reader").status == 401

    file.write_text("[keys")
    assert until(lambda: asked(api, LIST, None, "Bearer another").status != 200 or "stay as" in api.child.last_lines())
    assert asked(api, LIST, None, "Bearer another").status == 200

    file.write_text(before)
    assert until(lambda: asked(api, LIST, None, "Bearer reader").status == 200)


@pytest.mark.parametrize(
    ("host", "text", "told"),
    [
        ("0.0.0.0", None, "set PENCHANT_API_KEYS"),
        ("127.0.0.1", "", "cannot be understood"),
        ("127.0.0.1", '[keys.a]\nsha256 = "12"\nroles = ["read"]', "cannot be understood"),
        ("127.0.0.1", keys({"a": "root"}), "cannot be understood"),
    ],
)
def test_it_does_not_start_where_keys_are_missing_or_wrong(
    tmp_path: Path, host: str, text: str | None, told: str
) -> None:
    environment = {"PENCHANT_API_HOST": host, "PENCHANT_API_PORT": "0"}
    if text is not None:
        (tmp_path / "keys.toml").write_text(text)
        environment["PENCHANT_API_KEYS"] = str(tmp_path / "keys.toml")

    ran = penchant("api", environment=environment)

    assert (ran.exit_code, ran.err.count("\n")) == (78, 1)
    assert told in ran.err


def sent(topics: ListTopics) -> int:
    """How many clicks and commands stand on the topics."""
    names = (topics.topics.clicks, topics.topics.commands)
    return sum(len(list(read_topic(topics.bootstrap, name))) for name in names)
