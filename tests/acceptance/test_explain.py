"""`penchant explain` beside a running worker: whose list, of what, and every point of it."""

import pytest

from tests.acceptance.test_events_to_lists import FILMS
from tests.support.command import Ran, penchant
from tests.support.system import System

pytestmark = [pytest.mark.kafka, pytest.mark.model]


def explain(system: System, *arguments: str, **variables: str) -> Ran:
    where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    return penchant(
        "explain", *arguments, *where, environment={"PENCHANT_MODEL": system.environment["PENCHANT_MODEL"], **variables}
    )


def test_a_list_is_explained_to_the_last_point(shared: System) -> None:
    """Given a user who liked, dismissed and wrote, then what is told of her list sums to its scores, by alias, too."""
    shared.publish(FILMS)
    shared.click("u91", "f0", "like", event_id="x1")
    shared.click("u91", "f5", "dismiss", event_id="x2")
    shared.say("u91", "no more horror, give me romantic comedies", event_id="x3")
    shared.list_for("u91", "x1")
    shared.read_list_for("u91", "x3")
    command = {"command_id": "m91", "type": "merge", "user_id": "u91", "anonymous_id": "a91"}
    shared.send(shared.topics.commands, command)
    made = shared.list_for("u91", "m91")

    told, by_alias = explain(shared, "u91", "--json").json, explain(shared, "a91", "--json").json

    assert by_alias == told
    assert told["user_id"] == "u91"
    assert {item["item_id"] for item in told["items"]} == {item["item_id"] for item in made["items"]}
    for item in told["items"]:
        assert sum(item["parts"].values()) == pytest.approx(item["score"], abs=1e-5)
        by_event = sum(event["points"] for event in item["events"]) + sum(item["apart"].values())
        assert by_event == pytest.approx(item["score"], abs=1e-5)
        assert {event["event_id"] for event in item["events"]} <= {"x1", "x2", "x3"}

    table = explain(shared, "u91", "f0", PENCHANT_LANGUAGE="zh")
    assert table.exit_code == 0
    assert "你喜欢《Far Planet (1999)》" in table.out
    assert "用户已经看过" in table.out


def test_whom_and_what_nobody_knows_is_said(shared: System) -> None:
    shared.publish(FILMS)
    shared.click("u92", "f0", event_id="y1")
    shared.list_for("u92", "y1")

    user, item = explain(shared, "nobody"), explain(shared, "u92", "nothing")

    assert (user.exit_code, item.exit_code) == (1, 1)
    assert "nothing is known of user 'nobody'" in user.err
    assert "no item 'nothing'" in item.err
