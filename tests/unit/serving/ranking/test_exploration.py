"""Exploration slots: to items of few interactions in rotation, to what trends where own events say too little."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from serving.ranking.exploration import keep_off_the_first
from serving.ranking.learning.blend import START, Blend
from serving.ranking.learning.signals import Signal
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.ranking.rules import Rules
from serving.state.user_state import UserState
from tests.unit.serving.ranking.test_ranker import (
    axis,
    catalogue,
    genres,
    interaction,
    popular_but,
    ranker,
    said,
    wrote,
)
from tests.unit.serving.ranking.test_rules import catalogue_of, user


@pytest.fixture
def popular() -> Popularity:
    """The first 100 of 300 items have interactions, each one more than the next."""
    made = Popularity()
    for row in range(100):
        for _ in range(100 - row):
            made.add(row, 1.0)
    return made


def explored(made: Ranker, state: UserState) -> dict[int, str]:
    """Place -> item, of those on places that are given."""
    listed = made.rank(state, 20).items
    return {place: entry.item_id for place, entry in enumerate(listed, 1) if entry.source == "explore"}


@pytest.mark.parametrize(("share", "places"), [(0.0, []), (0.05, [20]), (0.1, [10, 20]), (0.25, [4, 8, 12, 16, 20])])
def test_a_share_of_the_slots_is_for_items_of_few_interactions(
    popular: Popularity, share: float, places: list[int]
) -> None:
    items = catalogue_of(300)
    found = explored(Ranker(items, popular, RankSettings(explore=share)), user("i3", "i5"))

    assert list(found) == places
    assert all(int(item[1:]) >= 100 for item in found.values())


def test_they_take_turns_by_list_and_user_and_come_again_with_the_same_list(popular: Popularity) -> None:
    made, lists = Ranker(catalogue_of(300), popular, RankSettings(explore=0.1)), []
    for version in range(1, 31):
        state = user("i3", "i5")
        state.list_version = version
        lists.append(explored(made, state))
        assert explored(made, state) == lists[-1]

    assert len({item for each in lists for item in each.values()}) > 10
    assert lists[0] != explored(made, user("i3", "i7"))


def test_none_stands_among_the_first_three_whatever_rules_and_variety_do(popular: Popularity, tmp_path: Path) -> None:
    items = catalogue_of(300)
    path = tmp_path / "rules.toml"
    path.write_text("".join(f'[[rule]]\ndo = "demote"\nitem = "i{n}"\npoints = 9.0\n' for n in range(100)))
    for settings in (RankSettings(explore=0.25, variety=0.9), RankSettings(explore=0.25)):
        made = Ranker(items, popular, settings, rules=Rules(items, path))
        for n in range(100):
            found = explored(made, user(f"i{n}"))
            assert found
            assert min(found) >= 4


def test_holding_back_keeps_the_order_of_the_rest() -> None:
    assert keep_off_the_first([1, 2, 3, 4], [9]) == [1, 2, 3, 4]
    assert keep_off_the_first([9, 1, 8, 2, 3, 4], [8, 9]) == [1, 2, 3, 9, 8, 4]
    assert keep_off_the_first([9, 1], [9]) == [1, 9], "there is nothing else"


def test_where_own_events_say_too_little_what_trends_stands_behind() -> None:
    """Given a liked horror film, when 1 point of it is needed, then horror comes first, then what trends."""
    items = catalogue()
    popularity = popular_but(items, "romance-1")
    romance = items.row("romance-1")
    for _ in range(50):
        popularity.add(romance, 1.0)
    state = UserState(ring=[interaction("horror-2")])

    before = Ranker(items, popularity).rank(state, 8)
    after = Ranker(items, popularity, RankSettings(relevance=1.0)).rank(state, 8)

    assert genres(after)[:4] == ["horror"] * 4
    assert after.items[[genre == "horror" for genre in genres(after)].index(False)].item_id == "romance-1"
    assert [entry.score for entry in after.items[:4]] == pytest.approx([entry.score for entry in before.items[:4]])
    told = Ranker(items, popularity, RankSettings(relevance=1.0)).explain(state, 8)
    assert [each.item_id for each in told] == [entry.item_id for entry in after.items]


def test_what_trends_is_of_the_facet_that_was_written_about_first() -> None:
    """Given that everybody likes romance, when she writes of horror and no item can fit enough, then horror trends."""
    items = catalogue()
    popularity = popular_but(items, "horror-2")
    for name in ("romance-1", "romance-5", "horror-6"):
        for _ in range(20 if name.startswith("romance") else 5):
            popularity.add(items.row(name), 1.0)
    state = said(wrote(axis("horror")))
    strict = Ranker(items, popularity, RankSettings(relevance=999.0))

    assert [entry.item_id for entry in strict.trending(2).items] == ["romance-5", "romance-1"]
    listed = strict.rank(state, 20)
    assert listed.items[0].item_id == "horror-6"
    assert genres(listed)[:5] == ["horror"] * 5
    assert set(genres(listed)[5:7]) == {"romance"}

    spared = msgspec.structs.replace(wrote(axis("horror") * 0.0), against=axis("horror").astype(np.float16).tobytes())
    assert genres(strict.rank(said(spared), 20))[0] == "romance"


def test_a_first_statement_or_event_changes_the_list_at_once() -> None:
    items = catalogue()
    popularity = popular_but(items, "horror-2")
    for _ in range(3):
        popularity.add(items.row("romance-1"), 1.0)
    made = Ranker(items, popularity)

    assert made.rank(UserState(), 5).path == "trending"
    for state in (said(wrote(axis("horror"))), UserState(ring=[interaction("horror-2")])):
        ranking = made.rank(state, 4)
        assert (ranking.path, genres(ranking)) == ("live", ["horror"] * 4)
    assert genres(ranker(items).rank(said(wrote(axis("western"))), 5)) == ["western"] * 5


def shop_of(kinds: list[str]) -> Catalogue:
    """Items i0 … of these kinds, all of them alike by their vectors."""
    made, random = Catalogue(8, "f"), np.random.default_rng(3)
    for at, kind in enumerate(kinds):
        vector = np.ones(8) + random.normal(size=8)
        made.put(
            ItemVector(
                item_id=f"i{at}",
                title=f"t{at}",
                facets={"category": kind},
                available=True,
                revision="",
                fingerprint="f",
                vector=pack((vector / np.linalg.norm(vector)).astype(np.float32)),
            )
        )
    return made


@pytest.mark.parametrize("explore", [0.0, 0.25])
def test_what_is_of_another_kind_than_the_list_gets_no_slot(explore: float) -> None:
    """Given thirty tents of which five were never looked at, and as few trains, then tents alone get slots."""
    kinds = ["tent"] * 30 + ["train"] * 5
    items, popular = shop_of(kinds), Popularity()
    for row in range(25):
        popular.add(row, 1.0)
    text_alone = Blend({**START, Signal.SHARED_FACETS: 0.0, Signal.NEW_SHARED_FACETS: 0.0})
    shop = Ranker(items, popular, RankSettings(explore=explore), blend=text_alone)
    found = [explored(shop, user(f"i{n}")) for n in range(20)]

    slots = [kinds[int(item[1:])] for each in found for item in each.values()]
    assert set(slots) == {"tent"}
