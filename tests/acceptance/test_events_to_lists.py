"""From a producer to a consumer through a real worker: what comes out, and what happens to what cannot be used."""

import json

import pytest

from penchant.messages import RecommendationList
from penchant.partitioner import partition_of
from tests.support.system import System, header, now_ms
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]

FILMS = [
    {"item_id": f"f{n}", "title": f"{title} (1999)", "facets": {"genre": genres, "domain": "film"}}
    for n, (title, genres) in enumerate(
        [
            ("Far Planet", ["Sci-Fi"]),
            ("The Star Ship", ["Sci-Fi", "Adventure"]),
            ("Robots at War", ["Sci-Fi", "Action"]),
            ("A Wedding in June", ["Romance", "Comedy"]),
            ("Two Hearts", ["Romance", "Drama"]),
            ("The Silent House", ["Horror"]),
            ("Night of the Fog", ["Horror", "Thriller"]),
            ("The Judge", ["Drama"]),
            ("Laugh Again", ["Comedy"]),
            ("The Long Ride", ["Western"]),
        ]
    )
]


@pytest.fixture(scope="module")
def system(shared: System) -> System:
    """The shared system with the small catalogue."""
    shared.publish(FILMS)
    return shared


def test_every_kind_of_event_refreshes_the_list(system: System) -> None:
    """Given a small catalogue, when a user acts, rates, reviews and speaks, then each event is named by a list."""

    system.click("u11", "f0", event_id="c1")
    first = system.list_for("u11", "c1")
    system.click("u11", "f3", "rate", value=1, event_id="c2")
    system.send(
        system.topics.reviews, {"user_id": "u11", "item_id": "f1", "text": "Great!", "rating": 5, "event_id": "r1"}
    )
    system.say("u11", "我喜欢看电影，尤其是科幻片", event_id="s1")
    system.list_for("u11", "c2")
    for event_id in ("r1", "s1"):  # of two topics: any of them may be taken in last
        system.read_list_for("u11", event_id)
    last = max(system.lists("u11"), key=lambda made: made["version"])

    assert first["path"] == "live"
    assert first["cause"]["event_id"] == "c1"
    assert first["cause"]["topic"] == system.topics.clicks
    versions = [made["version"] for made in system.lists("u11")]
    assert versions == sorted(set(versions))
    items = [item["item_id"] for item in last["items"]]
    assert len(items) == len(FILMS) - 3, "what was clicked, rated and reviewed is not recommended again"
    assert items[0] == "f2", "the one science fiction film that is left stands first"
    assert {"f0", "f1", "f3"}.isdisjoint(items)
    for item in last["items"]:
        assert item["reasons"]
        assert sum(reason["share"] for reason in item["reasons"]) <= 1 + 1e-9
    assert any(reason["event_id"] == "s1" for reason in last["items"][0]["reasons"])
    scores = [item["score"] for item in last["items"]]
    assert scores == sorted(scores, reverse=True)


def test_event_on_unknown_item_waits_and_is_folded_by_itself(system: System) -> None:
    """Given no such item, when it is published later, then the user's list comes without another event."""
    system.click("u21", "late", event_id="early")
    waiting = system.list_for("u21", "early")
    assert waiting["folded"][0]["waiting"] is True
    assert waiting["path"] == "trending"

    system.publish([{"item_id": "late", "title": "The Late Film (2001)", "facets": {"genre": ["Western"]}}])
    later = system.read_list_for("u21", "early")
    assert later["version"] > waiting["version"]
    assert later["path"] == "live"
    assert later["folded"][0]["event_id"] == "early"
    assert "waiting" not in later["folded"][0]


def test_what_cannot_be_used_is_kept_with_its_reason_and_the_stream_goes_on(system: System) -> None:
    """Given bad records between good ones, then each lies in the dead letters with its bytes, and lists go on."""
    bad = [
        ("not_json", b"{nonsense"),
        ("schema", b'{"user_id": 7.5, "item_id": "f1", "type": "click"}'),
        ("missing_field", b'{"user_id": "u31", "type": "click"}'),
        ("unknown_type", b'{"user_id": "u31", "item_id": "f1", "type": "teleport"}'),
        ("bad_rating", b'{"user_id": "u31", "item_id": "f1", "type": "rate", "value": NaN}'),
        ("bad_rating", b'{"user_id": "u31", "item_id": "f1", "type": "rate", "value": 9}'),
        ("bad_time", b'{"user_id": "u31", "item_id": "f1", "type": "click", "event_time": "2026-01-01T00:00:00"}'),
        ("key_mismatch", b'{"user_id": "somebody else", "item_id": "f1", "type": "click"}'),
    ]
    for n, (_, value) in enumerate(bad):
        system.send(system.topics.clicks, value, key="u31")
        system.click("u31", f"f{n}", event_id=f"good-{n}")
    dead = system.dead(system.topics.clicks, len(bad))
    for n in range(len(bad)):
        system.list_for("u31", f"good-{n}")

    assert [(header(r, "penchant.error"), r.value) for r in dead] == bad
    for record in dead:
        assert record.key == b"u31"
        assert header(record, "penchant.topic") == system.topics.clicks
        assert header(record, "penchant.stage") == "decode"
        assert int(header(record, "penchant.offset")) >= 0
        assert header(record, "penchant.message")
        assert header(record, "penchant.attempts") == "1"


def test_text_of_a_megabyte_and_an_empty_one(system: System) -> None:
    """Given a statement of 1 MB and an empty one, then both are dead letters with all their bytes."""
    huge = json.dumps({"user_id": "u41", "text": "x" * 1_000_000}).encode()
    system.send(system.topics.reviews, huge, key="u41")
    system.say("u41", "")
    dead = system.dead(system.topics.reviews, 2)
    assert [header(record, "penchant.error") for record in dead] == ["too_large", "missing_field"]
    assert dead[0].value == huge


def test_times_and_headers(system: System) -> None:
    """Given times a year ahead, in 1970 and absent, and a CloudEvent, then each is folded as documented."""
    system.click("u51", "f0", event_id="ahead", event_time=now_ms() + 365 * 86_400_000)
    ahead = system.list_for("u51", "ahead")
    assert ahead["cause"]["event_time"] <= ahead["generated_at"]
    system.click("u52", "f1", event_id="old", event_time="1970-01-02T00:00:00Z")
    assert system.list_for("u52", "old")["cause"]["event_time"] == "1970-01-02T00:00:00.000Z"
    system.send(
        system.topics.clicks,
        b'{"user_id": "u53", "item_id": "f2"}',
        key="u53",
        headers=[("ce_id", b"ce-1"), ("ce_type", b"com.example.click"), ("ce_time", b"2026-01-02T03:04:05Z")],
    )
    assert system.list_for("u53", "ce-1")["cause"]["event_time"] == "2026-01-02T03:04:05.000Z"
    partition = partition_of(b"u54", system.partitions)
    sent = system.send(
        system.topics.clicks, b'{"user_id": "u54", "item_id": "f2", "type": "view"}', partition=partition
    )
    offset = sent.get(timeout=60).offset
    system.list_for("u54", f"{system.topics.clicks}-{partition}-{offset}")


def test_wrong_partition_is_forwarded_once(system: System) -> None:
    """Given an event on another partition than its user's, then it is folded once, under the place it came from."""
    home = partition_of(b"u61", system.partitions)
    wrong = (home + 1) % system.partitions
    sent = system.send(system.topics.clicks, {"user_id": "u61", "item_id": "f0", "type": "click"}, partition=wrong)
    offset = sent.get(timeout=60).offset
    made = system.list_for("u61", f"{system.topics.clicks}-{wrong}-{offset}")
    assert made["cause"]["partition"] == home
    assert until(lambda: system.workers[0].metric("penchant_forwarded_total") == 1)
    system.send(
        system.topics.clicks,
        {"user_id": "u61", "item_id": "f1", "type": "click"},
        partition=wrong,
        headers=[("penchant.origin", b"elsewhere-0-1")],
    )
    assert until(lambda: "wrong_partition" in system.reasons(system.topics.clicks))


def test_commands_are_refused_politely_and_still_cause_a_list(system: System) -> None:
    """Given a merge of a user with itself, then a receipt says no, and nothing is changed."""
    command = {"command_id": "m1", "type": "merge", "user_id": "u71", "anonymous_id": "u71"}
    system.send(system.topics.commands, command)
    assert system.list_for("u71", "m1")["path"] == "trending"
    receipt = system.receipt_of("m1")
    assert receipt["status"] == "refused"
    assert receipt["reason"].startswith("merge_cycle")


def test_trending_list_stands_under_the_star(system: System) -> None:
    """Given clicks by several users, then `*` shows what is popular, for users of whom nothing is known."""
    for n in range(30):
        system.click(f"u8-{n}", "f5" if n % 3 else "f7", "purchase", event_id=f"t{n}")
    last = system.list_for("u8-29", "t29")
    assert "f5" not in {item["item_id"] for item in last["items"]}
    assert until(lambda: [i["item_id"] for made in system.lists("*")[-1:] for i in made["items"]][:2] == ["f5", "f7"])
    star = system.lists("*")[-1]
    assert star["cause"] is None
    assert star["folded"] == []
    assert star["path"] == "trending"


def test_list_has_the_fields_that_consumers_rely_on(system: System) -> None:
    """Given a list, then it has every field that consumers rely on, and no other."""
    system.click("u91", "f0", event_id="c1")
    made = system.list_for("u91", "c1")
    without_experiment = set(RecommendationList.__struct_fields__) - {"variant"}
    assert set(made) - {"folded_more"} == without_experiment - {"folded_more"}
    assert set(made["items"][0]) == {"item_id", "score", "source", "reasons"}
    assert set(made["items"][0]["reasons"][0]) == {"event_id", "share", "words", "code"}
