"""Whatever stands on the topic, the client knows the last valid list of every user, kept in memory or not."""

from hypothesis import given
from hypothesis import strategies as st

from penchant.client.list_feed import ListFeed
from penchant.topics import Topics
from tests.support.client_topics import a_list
from tests.unit.penchant.client.test_lists import Record

TOPICS = Topics("penchant")
USERS = st.sampled_from(["*", "u1", "u2", "u3", "用户"])
LISTS = st.tuples(USERS, st.none() | st.integers(0, 9))


@given(st.lists(LISTS, max_size=40), st.none() | st.integers(1, 3), st.data())
def test_the_last_valid_list_of_every_user_is_known(
    published: list[tuple[str, int | None]], most: int | None, data: st.DataObject
) -> None:
    feed, expected, stored = ListFeed(TOPICS, most=most), dict[str, int](), dict[int, bytes]()
    for offset, (user_id, version) in enumerate(published):
        value = None if version is None else a_list(user_id, version)
        feed.take(Record(TOPICS.recommendations, user_id.encode(), value, offset=offset))
        if version is None:
            expected.pop(user_id, None)
        elif version >= expected.get(user_id, 0):
            expected[user_id] = version
            stored[offset] = value or b""
        if data.draw(st.booleans()):
            _read(feed, data.draw(USERS), stored)

    lists = feed.tables.lists
    assert len(lists) == len(expected)
    assert {user_id: lists.version(user_id) for user_id in expected} == expected
    if most is not None:
        assert len(lists.kept()) <= most + 1, "what trends stays beside"
    for user_id, version in expected.items():
        _read(feed, user_id, stored)
        entry = lists.find(user_id)
        assert entry is not None
        assert entry.message is not None
        assert (entry.message.user_id, entry.message.version) == (user_id, version)


@given(
    st.binary(max_size=40) | st.none(),
    st.binary(max_size=60) | st.none(),
    st.sampled_from([TOPICS.items, TOPICS.recommendations]),
)
def test_no_record_stops_it(key: bytes | None, value: bytes | None, topic: str) -> None:
    feed = ListFeed(TOPICS)
    feed.take(Record(topic, key, value))


def _read(feed: ListFeed, user_id: str, stored: dict[int, bytes]) -> None:
    """As the client does: what is not kept is read from where it stands."""
    lists = feed.tables.lists
    if lists.find(user_id) is None and (place := lists.gone(user_id)) is not None:
        lists.put_back(user_id, place, stored[place.offset])
