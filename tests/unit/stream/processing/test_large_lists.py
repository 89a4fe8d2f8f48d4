"""A list that is larger than its topic takes: the best items, as many as fit."""

import msgspec

from penchant.messages import ListItem, Reason, RecommendationList
from penchant.topics import MAX_MESSAGE_BYTES
from serving.ranking.ranker import Ranking
from serving.state.user_state import UserState
from stream.processing.batch import PartitionBatch, UserUpdate
from stream.processing.lists import Lists
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, nothing_known


def test_a_list_too_large_for_its_topic_has_the_best_that_fit() -> None:
    words = "because of " + "ﷺ" * 2000  # titles of 4 KB stand in the words
    items = [
        ListItem(f"i{n}", 1000.0 - n, "content", [Reason(f"e{m}", 0.3, words) for m in range(3)]) for n in range(1000)
    ]
    lists = Lists(TOPICS, FINGERPRINT, expiry_ms=1000)

    made = lists.of_user(
        UserUpdate(PartitionBatch(0), nothing_known(), "u1", UserState()), Ranking(items, "live"), NOW_MS
    )

    assert made.value is not None
    assert MAX_MESSAGE_BYTES * 0.9 < len(made.value) < MAX_MESSAGE_BYTES
    told = msgspec.json.decode(made.value, type=RecommendationList)
    assert [each.item_id for each in told.items] == [f"i{n}" for n in range(len(told.items))]
