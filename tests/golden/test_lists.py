"""Lists as they were before scoring was compiled: the same items in the same order, points and reasons.

`lists_before.json` was written by the ranker of 28 November 2026, which took every step in NumPy. Points may differ by
what single precision rounds; so may the order of what is nearly equal.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from serving.ranking.ranker import Ranker, Ranking
from tests.support import seeded_lists

_FILE = Path(__file__).with_name("lists_before.json")
_ITEMS, _DIM, _EVENTS, _STEPS, _USERS, _K = 240, 24, 1500, 60, 24, 12
_CLOSE = 1e-4

Lists = dict[str, list[list[Any]]]


def made() -> Lists:
    """The lists of today, as the file has them: of each setting, of each user `[item, points, source, reasons]`."""
    shop = seeded_lists.shop(_ITEMS, _DIM, _EVENTS)
    users = seeded_lists.users(_ITEMS, _DIM, _USERS)
    lists: Lists = {}
    for name, settings in seeded_lists.SETTINGS.items():
        ranker = shop.ranker(settings)
        seeded_lists.learn(ranker, _STEPS, _ITEMS)
        lists[name] = [_told(each) for each in [*ranker.rank_many(users, _K), ranker.trending(_K)]]
        alone = [_told(ranker.rank(user, _K, idle=3.0)) for user in users[:6]]
        lists[f"{name}, alone"] = alone
    return lists


def with_rules(folder: Path) -> Lists:
    shop = seeded_lists.shop(_ITEMS, _DIM, _EVENTS)
    ranker: Ranker = shop.ranker(seeded_lists.SETTINGS["usual"], seeded_lists.rules(shop, folder))
    users = seeded_lists.users(_ITEMS, _DIM, _USERS)
    return {"rules": [_told(each) for each in ranker.rank_many(users, _K)]}


def _told(ranking: Ranking) -> list[Any]:
    return [
        ranking.path,
        [
            [
                each.item_id,
                round(each.score, 5),
                each.source,
                [[why.event_id, why.share, why.words, why.code] for why in each.reasons],
            ]
            for each in ranking.items
        ],
    ]


def test_lists_are_those_of_before(tmp_path: Path) -> None:
    before: Lists = json.loads(_FILE.read_text("utf-8"))
    now = made() | with_rules(tmp_path)
    assert now.keys() == before.keys()
    for setting, lists in now.items():
        for user, (mine, theirs) in enumerate(zip(lists, before[setting], strict=True)):
            assert mine[0] == theirs[0]
            same(mine[1], theirs[1], f"{setting}, user {user}")


def same(mine: list[Any], theirs: list[Any], whose: str) -> None:
    """Points place by place; items and reasons, but for those that ties let change places."""
    points, before = [each[1] for each in mine], [each[1] for each in theirs]
    assert points == pytest.approx(before, abs=_CLOSE), whose
    told = {each[0]: each for each in theirs}
    for place, entry in enumerate(mine):
        tied = [other for other in theirs if abs(other[1] - entry[1]) <= 2 * _CLOSE]
        assert entry[0] in {each[0] for each in tied} or entry[1] == pytest.approx(before[-1], abs=2 * _CLOSE), (
            whose,
            place,
        )
        if (was := told.get(entry[0])) is not None:
            assert entry[2] == was[2], (whose, entry, was)
            assert [why[::2] for why in entry[3]] == [why[::2] for why in was[3]], (whose, entry, was)
            assert [why[1] for why in entry[3]] == pytest.approx([why[1] for why in was[3]], abs=2e-3)
