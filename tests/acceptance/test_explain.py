"""`penchant explain` and lists on demand beside a running worker: whose, of what, and every point of it."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import Misconfigured
from tests.acceptance.test_events_to_lists import FILMS
from tests.conftest import missing
from tests.support.api import Answer, RunningApi, ready, running_api
from tests.support.command import Ran, penchant
from tests.support.system import System
from tests.support.waiting import until

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


@pytest.fixture(scope="module")
def api(shared: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    names = ("PENCHANT_PREFIX", "PENCHANT_MODEL")
    settings = {name: shared.environment[name] for name in names}
    settings["PENCHANT_API_ON_DEMAND"] = "start"
    with running_api(tmp_path_factory.mktemp("api"), shared.bootstrap, shared.redis_url, **settings) as made:
        yield ready(made)


def answer_of(api: RunningApi, path: str, body: object = None) -> Answer:
    """Once what it needs was read."""
    answers: list[Answer] = []

    def answered() -> bool:
        answers.append(api.ask(path, body))
        return answers[-1].status != 503

    assert until(answered, 60), (answers[-1].raw, api.child.last_lines())
    return answers[-1]


def ids(body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["item_id"] for item in body["items"]]


def test_what_lists_on_demand_need_is_read_before_anybody_asks(shared: System, api: RunningApi) -> None:
    """Given an API that is to make ready as it starts, then the first question is answered, and none waits."""
    shared.publish(FILMS)

    assert until(lambda: api.ask("/health/ready").body["on_demand"] == "ready", 60), api.child.last_lines()
    first = api.ask("/v1/users/somebody/query", {"text": "a ship in space", "k": 2})
    assert (first.status, len(first.body["items"])) == (200, 2), first.raw


def test_a_list_for_a_text_is_filtered_before_it_is_cut(shared: System, api: RunningApi) -> None:
    """Given a text about one genre, when another is asked for, then the list has as many of that as there are."""
    shared.publish(FILMS)
    wanted = ["f3", "f4"]
    asked = {"text": "a ship in space", "k": len(wanted), "facet.genre": "romance"}
    path = "/v1/users/filtered/query"

    assert until(lambda: sorted(ids(answer_of(api, path, asked).body)) == sorted(wanted))
    less = answer_of(api, path, asked | {"exclude": wanted[:1]}).body
    assert sorted(ids(less)) == sorted(wanted[1:])
    assert ids(answer_of(api, path, asked | {"facet.genre": "no such"}).body) == []
    talked = answer_of(api, "/v1/users/filtered%20too/conversation", asked).body
    assert set(ids(talked)) <= set(wanted)


def test_a_list_for_a_text_is_the_one_that_a_worker_would_make(shared: System, api: RunningApi) -> None:
    """Given a user who clicked, then the list for a text is that of the statement, and is remembered only if asked."""
    shared.publish(FILMS)
    shared.click("q/1 ?", "f5", "like", event_id="q1")
    before = shared.list_for("q/1 ?", "q1")
    path = "/v1/users/q%2F1%20%3F/query"
    asked = {"text": "no more horror, give me romantic comedies", "event_id": "q2", "k": 4}

    made = answer_of(api, path, asked)
    again = answer_of(api, path, asked | {"remember": True})

    assert (made.status, made.body["remembered"], again.body["remembered"]) == (200, False, True)
    assert made.body["version"] == before["version"]
    assert {event["event_id"] for item in made.body["items"] for event in item["reasons"]} & {"q2"}
    kept = shared.read_list_for("q/1 ?", "q2")
    assert ids(made.body) == ids(again.body) == ids(kept)[:4] != ids(before)[:4]
    events = [each["event_id"] for made in shared.lists("q/1 ?") for each in made["folded"]]
    assert sorted(set(events)) == ["q1", "q2"]


def test_the_callers_items_in_the_users_order(shared: System, api: RunningApi) -> None:
    """Given items in whatever order, then they are told by the points that explanations have; what was seen is last."""
    shared.publish(FILMS)
    shared.click("u94", "f0", "like", event_id="z1")
    made = shared.list_for("u94", "z1")
    asked = {"items": ["f0", "no such", *reversed(ids(made))]}

    def told() -> tuple[Any, list[float]]:
        """The items in order, and the points of each by its explanation; both by what is popular at that moment."""
        body = answer_of(api, "/v1/users/u94/rank", asked).body
        explained = [answer_of(api, f"/v1/users/u94/explain/{item}").body["items"][0] for item in ids(body)]
        return body, [each["score"] for each in explained]

    assert until(lambda: [item["score"] for item in told()[0]["items"]] == pytest.approx(told()[1], abs=1e-4))
    body = told()[0]
    scores = [item["score"] for item in body["items"][:-1]]
    assert body["unknown"] == ["no such"]
    assert sorted(ids(body)) == sorted([*ids(made), "f0"])
    assert scores == sorted(scores, reverse=True)
    assert [item["kept_off"] for item in body["items"]] == [""] * len(scores) + ["not listed: the user has seen it"]
    assert all(item["reasons"] for item in body["items"][:-1])


def test_without_an_event_the_list_is_that_after_its_retraction(shared: System, api: RunningApi) -> None:
    shared.publish(FILMS)
    shared.click("u95", "f0", "like", event_id="w1")
    shared.say("u95", "no more horror, give me romantic comedies", event_id="w2")
    shared.read_list_for("u95", "w2")
    shared.list_for("u95", "w1")
    told = answer_of(api, "/v1/users/u95/explain/f0").body

    without = answer_of(api, "/v1/users/u95/explain/f0?without=w2").body
    unknown = answer_of(api, "/v1/users/u95/explain/f0?without=w3")
    shared.send(shared.topics.commands, {"command_id": "k95", "type": "retract", "user_id": "u95", "event_id": "w2"})

    after = shared.list_for("u95", "k95")
    assert {event["event_id"] for event in told["items"][0]["events"]} == {"w1", "w2"}
    assert {event["event_id"] for event in without["items"][0]["events"]} == {"w1"}
    assert ids(without["list_without"]) == ids(after)
    assert (unknown.status, unknown.body["reason"]) == (404, "unknown_event")
    assert answer_of(api, "/v1/users/u95/explain/nothing").body["reason"] == "unknown_item"
    assert answer_of(api, "/v1/users/nobody/explain/f0").body["reason"] == "unknown_user"


def test_a_statement_that_leaves_much_open_is_followed_by_one_question(shared: System, api: RunningApi) -> None:
    """Given a few genres, when somebody names two of them, then they are asked which, and the answer counts."""
    kinds = {"Comedy": "Joke", "Western": "Ride", "War": "Front", "Horror": "Fog", "Romance": "Love"}
    more: list[dict[str, Any]] = [
        {"item_id": f"more-{kind}-{n}", "title": f"{word} {n}", "facets": {"genre": [kind], "domain": "film"}}
        for kind, word in kinds.items()
        for n in range(4)
    ]
    shared.publish([*FILMS, *more])
    path = "/v1/users/u96/conversation"

    def asked() -> Any:
        """Once all items were read."""
        said = {"text": "comedy or western", "event_id": "t1", "language": "zh-CN"}
        return answer_of(api, path, said).body

    assert until(lambda: asked()["question"] is not None)
    question = asked()["question"]
    assert (question["kind"], question["facet"]) == ("clarify", "genre")
    assert {"喜剧", "西部"} <= {choice["label"] for choice in question["choices"]}
    chosen, none = question["choices"][0], question["choices"][-1]
    assert (none["label"], none["events"][0]["text"][:2]) == ("都不是", "不要")

    sent = api.ask("/v1/events", chosen["events"])

    assert sent.status == 202
    made = shared.read_list_for("u96", sent.body["ids"][0])
    wanted = {item["item_id"] for item in [*FILMS, *more] if chosen["events"][0]["text"] in item["facets"]["genre"]}
    assert made["items"][0]["item_id"] in wanted
    again = answer_of(api, path, chosen["events"][0] | {"language": "zh"}).body
    assert again["remembered"]
    assert again["question"] is None, "an answer is not asked about"


def test_nothing_that_is_described_ends_in_a_fault(shared: System, api: RunningApi, tmp_path: Path) -> None:
    """Requests made up from the description by schemathesis: no server error, and answers are as they are described."""
    if importlib.util.find_spec("schemathesis") is None:
        missing(Misconfigured("schemathesis is not installed: pip install -e '.[openapi]'"))
    shared.publish(FILMS)
    answer_of(api, "/v1/users/u1/query", {"text": "space"})
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{api.address}/openapi.json", "--checks", checks]
    command += ["--phases", "examples,fuzzing", "--max-examples", "3", "--seed", "1", "--no-color"]
    command += ["--exclude-path", "/v1/users/{id}/events"]  # a stream does not end
    command += ["--exclude-path", "/v1/operator/dead-letters/redrive"]  # what others sent is not sent again here

    ran = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False, cwd=tmp_path)

    assert ran.returncode == 0, ran.stdout[-5000:]
