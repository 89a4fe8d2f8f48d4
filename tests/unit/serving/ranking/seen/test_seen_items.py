"""What was bought: out for good, or until it is usually bought again; its like stands lower; what was viewed stays."""

from pathlib import Path

import numpy as np
import pytest

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings, Seen
from serving.ranking.ranker import Ranker
from serving.ranking.reasons.told import Explanation
from serving.ranking.rules import Rules
from serving.ranking.seen.repeats import Purchase, Repeats
from serving.state.user_state import IMPRESSIONS, SEEN, EventKind, RingEvent, UserState, item_hash

DIM, DAY_S, NOW_S = 8, 86_400, 1_700_000_000
KINDS = ("beans", "machines", "pans")
EACH = 4
RULES = """
[[rule]]
do = "seen"
where = {category = "beans"}
seen = "again"
"""


@pytest.fixture
def items() -> Catalogue:
    """Four of each kind: beans-0 …, machines-0 …, pans-0 …"""
    made, random = Catalogue(DIM, "f"), np.random.default_rng(1)
    for kind in KINDS:
        for n in range(EACH):
            vector, facet = (random.normal(size=DIM) for _ in range(2))
            made.put(
                ItemVector(
                    item_id=f"{kind}-{n}",
                    title=f"{kind}-{n}",
                    facets={"category": kind},
                    available=True,
                    revision="",
                    fingerprint="f",
                    vector=pack((vector / np.linalg.norm(vector)).astype(np.float32)),
                    facet_text=kind,
                    facet_vector=pack((facet / np.linalg.norm(facet)).astype(np.float32)),
                )
            )
    made.recentre()
    return made


@pytest.fixture
def repeats(items: Catalogue) -> Repeats:
    """Beans last 20 days, machines and pans for good; nobody buys two machines."""
    made = Repeats()
    for n in range(200):
        gap_s = round(20 * DAY_S * 1.25 ** ((n % 5 - 2) / 2))
        made.add(items.row("beans-0"), "beans", Purchase((gap_s if n % 5 else 0, 0), [("machines", 40 * DAY_S)]))
        made.add(items.row("machines-0"), "machines", Purchase((0, 0)))
        made.add(items.row("pans-0"), "pans", Purchase((0, 0)))
    return made


def user(*bought: tuple[str, float], viewed: str = "pans-3") -> UserState:
    """Who bought items so many days ago, and viewed one just now."""
    rows = sorted((NOW_S - round(days * DAY_S), n, item_hash(item)) for n, (item, days) in enumerate(bought))
    seen = {item_hash(item): (item_hash(item), NOW_S, 1, 0, 100) for item, _ in (*bought, (viewed, 0.0))}
    return UserState(
        ring=[RingEvent(1000 * NOW_S, "v", 99, viewed, EventKind.VIEW, 0.2, 0.2)],
        seen=np.array(list(seen.values()), SEEN),
        purchases=np.array(rows, IMPRESSIONS),
    )


def ranker(items: Catalogue, repeats: Repeats, seen: Seen = "again", rules: Rules | None = None) -> Ranker:
    return Ranker(items, Popularity(), RankSettings(seen=seen), repeats=repeats, rules=rules)


def explained(made: Ranker, state: UserState, item: str) -> Explanation:
    (told,) = made.explain(state, 20, item)
    return told


def listed(made: Ranker, state: UserState) -> set[str]:
    return {each.item_id for each in made.rank(state, 20).items}


@pytest.mark.parametrize("days", [1, 100, 1000])
def test_a_durable_is_out(items: Catalogue, repeats: Repeats, days: float) -> None:
    made, state = ranker(items, repeats), user(("machines-0", days))
    assert set(items.ids) - listed(made, state) == {"machines-0"}
    told = explained(made, state, "machines-0")
    assert told.kept_off == "not listed: the user has bought it, and it is not time to buy it again"


def test_its_like_stands_lower_for_a_while(items: Catalogue, repeats: Repeats) -> None:
    made = ranker(items, repeats)
    lost = [
        explained(made, user(("machines-0", days)), "machines-1").apart.get("like_bought", 0.0)
        for days in (2, 40, 1200)
    ]
    assert lost[0] < -1.5
    assert lost[1] == pytest.approx(-2.0)
    assert lost[2] == 0.0
    assert "like_bought" not in explained(made, user(("machines-0", 2)), "pans-1").parts


@pytest.mark.parametrize(("days", "there"), [(1, False), (10, False), (19, True), (25, True), (100, True)])
def test_a_consumable_is_out_until_it_is_usually_bought_again(
    items: Catalogue, repeats: Repeats, days: float, there: bool
) -> None:
    assert ("beans-0" in listed(ranker(items, repeats), user(("beans-0", days)))) is there


def test_it_has_points_about_its_time_and_none_long_after(items: Catalogue, repeats: Repeats) -> None:
    made = ranker(items, repeats)
    due = {
        days: explained(made, user(("beans-0", days)), "beans-0").apart.get("again", 0.0) for days in (19, 24, 40, 60)
    }
    assert min(due[19], due[24]) > 2.0
    assert due[40] < 1.0
    assert due[60] == 0.0
    entry = made.rank(user(("beans-0", 24)), 20).items[0]
    assert entry.item_id == "beans-0"
    assert (entry.reasons[0].words, entry.reasons[0].code) == ("usually bought again about now", "time_again")
    assert entry.reasons[0].event_id is None


@pytest.mark.parametrize(
    ("language", "words"), [("en", "you usually buy this again about now"), ("zh", "你通常这时会再次购买")]
)
def test_whose_own_habit_it_is_is_told_so(items: Catalogue, repeats: Repeats, language: str, words: str) -> None:
    settings = RankSettings(seen="again", language=language)  # type: ignore[arg-type]
    made = Ranker(items, Popularity(), settings, repeats=repeats)
    entry = made.rank(user(("beans-0", 64), ("beans-0", 44), ("beans-0", 22)), 20).items[0]
    assert (entry.item_id, entry.reasons[0].words) == ("beans-0", words)


def test_what_was_viewed_or_is_in_the_cart_is_left_alone(items: Catalogue, repeats: Repeats) -> None:
    made, state = ranker(items, repeats), user(viewed="machines-2")
    assert listed(made, state) == set(items.ids)
    assert {"seen", "again", "like_bought"}.isdisjoint(explained(made, state, "machines-2").parts)


def test_what_was_given_back_was_not_bought(items: Catalogue, repeats: Repeats) -> None:
    state = user(("machines-0", 3))
    state.purchases["item"] = 0
    assert "machines-0" in listed(ranker(items, repeats), state)


@pytest.mark.parametrize("seen", ["out", "down"])
def test_a_file_sets_it_by_facet(tmp_path: Path, items: Catalogue, repeats: Repeats, seen: Seen) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    state = user(("beans-0", 24), ("beans-1", 1), ("machines-0", 24))
    made = ranker(items, repeats, seen, Rules(items, path))

    assert "beans-0" in listed(made, state)
    assert "beans-1" not in listed(made, state)
    assert ("machines-0" in listed(made, state)) is (seen == "down")
    assert ("seen" in explained(made, state, "machines-0").parts) is (seen == "down")
    assert "like_bought" not in explained(made, state, "machines-1").parts


def test_who_has_bought_everything_gets_no_durable_for_want_of_better(items: Catalogue, repeats: Repeats) -> None:
    state = user(*((item, 24.0) for item in items.ids if item != "beans-0"), ("beans-0", 1.0))
    for row in range(len(items)):
        items.available[row] = items.ids[row].startswith("machines")
    assert ranker(items, repeats).rank(state, 20).items == []


def test_a_list_that_is_made_again_without_an_event_knows_what_is_due(items: Catalogue, repeats: Repeats) -> None:
    made, state = ranker(items, repeats), user(("beans-0", 1))
    assert "beans-0" not in listed(made, state)
    state.list_version = 1000 * (NOW_S + 20 * DAY_S)
    assert made.rank(state, 20).items[0].item_id == "beans-0"
