from pathlib import Path

import pytest

from deploy.local.services import start_broker, start_store
from tests.conftest import ON_APACHE, Broker
from tests.support.api import ready, running_api
from tests.support.client_topics import ListTopics, a_list
from tests.support.command import penchant
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


def test_ready_once_the_topics_are_there_until_the_store_is_gone(broker: Broker, tmp_path: Path, prefix: str) -> None:
    store = start_store(tmp_path)
    with running_api(tmp_path, broker.bootstrap, store.url, PENCHANT_PREFIX=prefix) as api:
        assert until(lambda: "is missing" in api.ask("/health/ready").body["lists"])
        early = api.list_of("u1")
        assert (early.status, early.body["reason"], early.headers["retry-after"]) == (503, "not_ready", "1")

        ListTopics(broker.bootstrap, prefix)
        assert until(api.ready, 30), api.ask("/health/ready").raw
        assert api.ask("/health/ready").body == {
            "ok": True,
            "why": "redis and broker answer, lists are followed",
            "redis": "ok",
            "broker": "ok",
            "lists": "ok",
            "on_demand": "not yet",
        }

        store.stop()

        assert until(lambda: api.ask("/health/ready").status == 503)
        told = api.ask("/health/ready").body
        assert "does not answer" in told["redis"]
        assert told["broker"] == "ok"
        assert api.ask("/health/live").status == 200
        assert api.child.stop(60) == 0


@pytest.mark.skipif(ON_APACHE, reason="the embedded broker is killed")
def test_it_answers_and_stops_without_a_broker(redis_url: str, tmp_path: Path, prefix: str) -> None:
    """Given an API whose broker dies, then lists are read, events refused, and it stops when told to."""
    broker = start_broker(tmp_path)
    ListTopics(broker.bootstrap, prefix).publish(("u1", a_list("u1", 1)))
    with running_api(tmp_path, broker.bootstrap, redis_url, PENCHANT_PREFIX=prefix) as api:
        ready(api)
        broker.child.kill()
        assert until(lambda: api.ask("/health/ready").status == 503)
        assert api.list_of("u1").status == 200
        refused = api.ask("/v1/events", {"user_id": "u1", "item_id": "i1", "type": "click", "event_id": "c-1"})
        assert (refused.status, refused.body["reason"], refused.body["ids"]) == (503, "not_confirmed", ["c-1"])

        assert api.child.stop(60) == 0, api.child.last_lines(40)


@pytest.mark.parametrize("missing", ["bootstrap", "redis"])
def test_what_is_missing_at_start_is_named(broker: Broker, redis_url: str, missing: str) -> None:
    there = {"PENCHANT_BOOTSTRAP": broker.bootstrap, "PENCHANT_REDIS": redis_url, "PENCHANT_API_PORT": "0"}
    gone = {"bootstrap": "127.0.0.1:1", "redis": "redis://127.0.0.1:1/0"}
    variable = f"PENCHANT_{missing.upper()}"

    ran = penchant("api", environment={**there, variable: gone[missing]})

    assert ran.exit_code == 78
    assert variable in ran.err
    assert "Traceback" not in ran.err
