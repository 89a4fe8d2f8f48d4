"""Lists as a service reads them: by the fake, which answers from the client's own tables."""

import asyncio
import inspect
import json
from collections.abc import Iterator

import msgspec
import pytest

from penchant import EventProducer, Recommendations
from penchant.client.list_feed import ListFeed
from penchant.client.list_table import ListTable
from penchant.client.user_list import UserList
from penchant.messages import ListItem, RecommendationList
from penchant.partitioner import partition_of
from penchant.testing import FakeEventProducer, FakeRecommendations
from penchant.topics import Topics

TOPICS = Topics("penchant")


class Record(msgspec.Struct):
    """As kafka-python has them, as far as it is looked at."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int = 0
    offset: int = 0


@pytest.fixture
def lists() -> Iterator[FakeRecommendations]:
    with FakeRecommendations() as made:
        made.put("*", ["i7", "i8"])
        made.put("u1", ["i1", "i2", "i3"])
        yield made


def a_list(user_id: str, version: int) -> bytes:
    message = RecommendationList(
        user_id=user_id,
        version=version,
        generated_at="2026-11-22T10:00:00Z",
        expires_at="2126-11-22T10:00:00Z",
        fingerprint="f",
        path="live",
        cause=None,
        folded=[],
        items=[ListItem(f"of-{version}", 1.0, "content")],
    )
    return msgspec.json.encode(message)


def ids(told: UserList) -> list[str]:
    return [item.item_id for item in told.items]


def test_a_user_has_their_list_and_who_is_not_known_the_trending_one(lists: FakeRecommendations) -> None:
    mine, theirs = lists.get("u1"), lists.get("u2")

    assert (mine.user_id, ids(mine), mine.path) == ("u1", ["i1", "i2", "i3"], "live")
    assert mine.message is not None
    assert mine.version == mine.message.version
    assert 0 <= mine.age_s < 60
    assert (theirs.user_id, ids(theirs), theirs.path) == ("u2", ["i7", "i8"], "trending")
    assert len(lists) == 2
    mine.items.clear()
    assert ids(lists.get("u1")) == ["i1", "i2", "i3"], "the caller's list is the caller's"
    assert FakeRecommendations().get("u1") == UserList("u1", [], "none")


def test_what_is_too_old_is_stale(lists: FakeRecommendations) -> None:
    lists.put("u1", ["i1"], age_s=100, expiry_s=90)
    assert lists.get("u1").path == "stale"
    assert lists.get("u1").age_s == pytest.approx(100, abs=10)
    lists.put("u1", ["i1"], path="cached")
    assert lists.get("u1").path == "cached"
    lists.silent = True
    assert (lists.get("u1").path, lists.get("u2").path) == ("stale", "stale"), "the broker has not been heard"


def test_what_is_gone_stands_on_no_list(lists: FakeRecommendations) -> None:
    lists.remove_item("i2")
    lists.remove_item("i7")

    assert ids(lists.get("u1")) == ["i1", "i3"]
    assert ids(lists.get("u2")) == ["i8"]
    message = lists.get("u1").message
    assert message is not None
    assert len(message.items) == 3, "the message is as it was sent"


def test_items_come_back_and_odd_records_change_nothing() -> None:
    feed = ListFeed(TOPICS)
    item = TOPICS.items
    feed.take(Record(item, b"i1", json.dumps({"item_id": "i1", "available": False}).encode()))
    for odd in (b"{", b'{"available": "no"}', b'{"schema": {}, "payload": {"available": true}}'):
        feed.take(Record(item, b"i2", odd))
    feed.take(Record(item, b"\xff", None))
    assert feed.tables.gone.ids == {"i1"}
    feed.take(Record(item, b"i1", json.dumps({"item_id": "i1", "title": "t"}).encode()))
    assert feed.tables.gone.ids == set()


def test_only_so_many_removed_items_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.client.gone_items._MOST_REMOVED", 3)
    feed = ListFeed(TOPICS)
    feed.take(Record(TOPICS.items, b"sold out", b'{"available": false}'))
    for number in range(5):
        feed.take(Record(TOPICS.items, f"i{number}".encode(), None))
    assert feed.tables.gone.ids == {"sold out", "i2", "i3", "i4"}


def test_an_older_list_that_comes_late_is_ignored() -> None:
    feed = ListFeed(TOPICS)
    for version in (5, 7, 6, 7):
        feed.take(Record(TOPICS.recommendations, b"u1", a_list("u1", version)))
    assert feed.tables.lists.version("u1") == 7
    for odd in (b"", b"[]", b'{"version": "8"}', b'{"version": 8}', b"\xff"):
        feed.take(Record(TOPICS.recommendations, b"u2", odd))
    assert feed.tables.lists.find("u2") is None
    feed.take(Record(TOPICS.recommendations, b"u2", a_list("u2", 1)))
    assert feed.tables.lists.find("u2") is not None, "what was no list is not remembered"


def test_an_erased_user_is_forgotten_at_once(lists: FakeRecommendations) -> None:
    told: list[UserList] = []
    lists.on_list(told.append, "u1")

    lists.erase("u1")
    lists.erase("nobody")

    assert lists.get("u1").path == "trending"
    assert [(each.path, each.items) for each in told] == [("erased", [])]
    assert len(lists) == 1


def test_callbacks_are_called_until_they_are_cancelled(lists: FakeRecommendations) -> None:
    mine: list[str] = []
    everybody: list[str] = []
    cancel = lists.on_list(lambda told: mine.extend(ids(told)), "u1")
    lists.on_list(lambda told: everybody.append(told.user_id))

    lists.put("u1", ["i5"])
    lists.put("u2", ["i6"])
    cancel()
    lists.put("u1", ["i9"])

    assert mine == ["i5"]
    assert everybody == ["u1", "u2", "u1"]


def broken(told: UserList) -> None:
    raise ZeroDivisionError(told.user_id)


def test_a_callback_that_raises_stops_no_other(lists: FakeRecommendations, caplog: pytest.LogCaptureFixture) -> None:
    told: list[UserList] = []
    lists.on_list(broken)
    lists.on_list(told.append)

    lists.put("u1", ["i5"])

    assert len(told) == 1
    assert "raised" in caplog.text


async def test_a_loop_over_one_user_begins_with_what_stands(lists: FakeRecommendations) -> None:
    told = []
    async for each in lists.watch("u1"):
        told.append(ids(each))
        lists.put("u2", ["other"])
        if len(told) == 3:
            break
        lists.put("u1", [f"i{len(told)}"])

    assert told == [["i1", "i2", "i3"], ["i1"], ["i2"]]


async def test_a_loop_over_all_has_the_newest_of_each(lists: FakeRecommendations) -> None:
    """Given a reader that is slow, when lists come faster, then it sees the newest of each user once."""
    told: list[tuple[str, list[str]]] = []

    def publish() -> None:
        for number in range(50):
            lists.put("u1", [f"i{number}"])
        lists.put("last", [])

    async def read() -> None:
        async for each in lists.watch():
            told.append((each.user_id, ids(each)))
            if each.user_id == "last":
                return

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    await asyncio.to_thread(publish)
    await reading

    assert told[-2:] == [("u1", ["i49"]), ("last", [])]
    assert (await lists.get_async("u1")).version == lists.get("u1").version
    assert await lists.ready_async()


def test_of_more_users_than_may_be_kept_those_go_that_were_used_least() -> None:
    table = ListTable(most=2)
    for number, user_id in enumerate(("*", "u1", "u2", "u3")):
        table.put(user_id, a_list(user_id, 1), partition=2, offset=number)
        table.find("u1")

    assert sorted(table.kept()) == ["*", "u1", "u3"], "u2 was used least, and the trending list always stays"
    assert (len(table), table.find("u2"), table.version("u2")) == (4, None, 1)
    place = table.gone("u2")
    assert place is not None
    assert (place.partition, place.offset) == (2, 2)
    assert not table.put("u2", a_list("u2", 0)), "an older one is still older"

    table.put_back("u2", place, a_list("u2", 1))
    assert table.find("u2") is not None
    assert table.gone("u2") is None
    assert len(table.kept()) == 3
    assert table.erase("u1")
    assert table.version("u1") == -1


def test_what_is_read_again_does_not_take_the_place_of_what_is_newer() -> None:
    table = ListTable(most=1)
    table.put("u1", a_list("u1", 1))
    table.put("u2", a_list("u2", 1))
    place = table.gone("u1")
    assert place is not None
    table.put("u1", a_list("u1", 2))
    table.put_back("u1", place, a_list("u1", 1))
    assert table.version("u1") == 2
    table.erase("u2")
    table.put_back("u2", place, a_list("u2", 1))
    assert table.version("u2") == -1, "nor of what was erased"


def test_lists_of_some_partitions() -> None:
    """Given a client of one partition of four, then it knows its users and what trends, and refuses others."""
    mine = next(f"u{number}" for number in range(99) if partition_of(f"u{number}", 4) == 2)
    feed = ListFeed(TOPICS, frozenset({2}))
    feed.begin({TOPICS.recommendations: range(4), TOPICS.items: range(4)})
    trending = partition_of("*", 4)

    assert list(feed.followed(TOPICS.recommendations, range(4))) == sorted({2, trending})
    assert list(feed.followed(TOPICS.items, range(4))) == [0, 1, 2, 3]
    feed.take(Record(TOPICS.recommendations, b"*", a_list("*", 1), partition=trending))
    feed.take(Record(TOPICS.recommendations, mine.encode(), a_list(mine, 1), partition=2))
    feed.take(Record(TOPICS.recommendations, b"other", a_list("other", 1), partition=trending))
    assert sorted(feed.tables.lists.kept()) == sorted(["*", mine])
    feed.refuse_elsewhere(mine)
    other = next(f"u{number}" for number in range(99) if partition_of(f"u{number}", 4) != 2)
    with pytest.raises(ValueError, match="not followed here"):
        feed.refuse_elsewhere(other)


def test_topics_made_anew_are_answered_from_once_all_of_them_was_read() -> None:
    told: list[str] = []
    feed = ListFeed(TOPICS)
    feed.tell = lambda user_id, _: told.append(user_id)
    whole = {TOPICS.recommendations: [0], TOPICS.items: [0]}
    feed.begin(whole)
    feed.take(Record(TOPICS.recommendations, b"u1", a_list("u1", 9)))
    feed.take(Record(TOPICS.recommendations, b"u2", a_list("u2", 9)))
    assert (feed.tables.lists.version("u1"), feed.ready.is_set(), told) == (9, False, [])
    feed.caught_up()
    assert sorted(told) == ["u1", "u2"]
    told.clear()

    feed.begin(whole)
    feed.take(Record(TOPICS.recommendations, b"u1", a_list("u1", 3)))
    feed.take(Record(TOPICS.recommendations, b"u2", a_list("u2", 9)))
    assert (feed.tables.lists.version("u1"), told) == (9, []), "still what was read before"
    feed.caught_up()

    assert (feed.tables.lists.version("u1"), told) == (3, ["u1"])


def test_of_many_lists_the_first_are_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.client.list_feed._DECODED_AT_START", 2)
    feed = ListFeed(TOPICS)
    for user_id in ("u1", "u2", "u3"):
        feed.take(Record(TOPICS.recommendations, user_id.encode(), a_list(user_id, 1)))
    assert [decoded(feed, user_id) for user_id in ("u1", "u2", "u3")] == [True, True, False]
    feed.caught_up()
    feed.take(Record(TOPICS.recommendations, b"u3", a_list("u3", 2)))
    assert decoded(feed, "u3")


def decoded(feed: ListFeed, user_id: str) -> bool:
    return feed.tables.lists._entries[user_id].message is not None


@pytest.mark.parametrize(("real", "fake"), [(Recommendations, FakeRecommendations), (EventProducer, FakeEventProducer)])
def test_a_fake_has_all_that_the_real_one_has(real: type, fake: type) -> None:
    """Given any public method or property, then the fake has it, and takes the same."""
    for name in (name for name in dir(real) if not name.startswith("_")):
        mine = getattr(fake, name, None) or getattr(fake(), name)
        theirs = getattr(real, name)
        if callable(theirs):
            assert [*inspect.signature(mine).parameters] == [*inspect.signature(theirs).parameters], name
        else:
            assert not callable(mine)
