"""The file that product people edit."""

from pathlib import Path

import numpy as np
import pytest

from penchant.errors import Misconfigured
from stream.events.weights import Weight, Weights, load_weights

GOOD = """
[actions]
click = { pair = 0.3, taste = 0.3 }
review = { pair = 0.8, taste = 0.7 }
statement = { pair = 0.0, taste = 1.0 }
share = { pair = 0.9, taste = 0.1 }
[ratings]
1 = { pair = 0.2, taste = 0.0 }
2 = { pair = 0.3, taste = 0.0 }
3 = { pair = 0.5, taste = 0.5 }
4 = { pair = 0.8, taste = 1.0 }
5 = { pair = 1.0, taste = 1.0 }
"""


def load(folder: Path, text: str) -> Weights:
    path = folder / "weights.toml"
    path.write_text(text, encoding="utf-8")
    return load_weights(path)


def test_the_shipped_file_covers_every_action_of_the_contract() -> None:
    weights = load_weights()
    for action in ("view", "click", "cart", "purchase", "like", "dismiss", "impression", "rate"):
        assert weights.accepts(action), action
    assert weights.actions["dismiss"].preference < 0
    assert weights.actions["impression"] == Weight(0.0, 0.0)
    assert [weights.ratings[stars].preference for stars in (1, 2)] == [0.0, 0.0]
    assert all(weight.covisit > 0 for weight in weights.ratings.values())


def test_texts_are_no_actions_and_rate_always_is_one(tmp_path: Path) -> None:
    weights = load(tmp_path, GOOD)
    assert [weights.accepts(name) for name in ("review", "statement", "rate", "share", "view")] == [
        False, False, True, True, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rating", "stars"),
    [(0.0, 1), (0.12, 1), (0.13, 2), (0.25, 2), (0.5, 3), (0.75, 4), (0.87, 4), (0.88, 5), (1.0, 5)],
)
def test_a_rating_wins_over_the_type_as_the_nearest_star(rating: float, stars: int) -> None:
    weights = load_weights()
    assert weights.of("review", rating) == weights.ratings[stars]


def test_weights_are_as_the_ring_stores_them(tmp_path: Path) -> None:
    weight = load(tmp_path, GOOD).actions["click"]
    assert weight == Weight(float(np.float16(0.3)), float(np.float16(0.3)))
    assert weight.covisit != 0.3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("click = { pair = 0.3", "click = { pair = -0.3", "click"),
        ("pair = 0.3", "pair = inf", "pair"),
        ("taste = 0.3", "taste = nan", "taste"),
        ("pair = 0.3", "pair = 70000.0", "pair"),
        ("taste = 0.3", "taste = -70000.0", "taste"),
        ("pair = 0.3", "weight = 0.3", "weight"),
        ("pair = 0.3, ", "", "pair"),
        ("pair = 0.3", 'pair = "much"', "pair"),
        ("taste = 0.3", 'taste = 0.3, bought = "yes"', "bought"),
        ("pair = 0.3", "bought = true, pair = 0.0", "pair above 0"),
        ("5 = { pair = 1.0", "5 = { bought = true, pair = 1.0", "for actions"),
        ("review =", "critique =", "review"),
        ("5 = { pair = 1.0, taste = 1.0 }", "", "5"),
        ("[ratings]", "[stars]", "stars"),
        ("[actions]", "[actions", "TOML|Expected"),
    ],
)
def test_a_wrong_file_is_refused_and_the_message_names_the_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(Misconfigured, match=says) as refused:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert "weights.toml" in str(refused.value)


def test_what_buys_is_a_purchase_and_what_the_file_declares(tmp_path: Path) -> None:
    played = GOOD.replace("click = { pair = 0.3", "click = { bought = true, pair = 0.3", 1)
    lent = GOOD.replace("[ratings]", "purchase = { bought = false, pair = 1.0, taste = 1.0 }\n[ratings]", 1)
    actions = ("view", "click", "purchase", "review")
    assert [load(tmp_path, GOOD).buys(each) for each in actions] == [False, False, True, False]
    assert [load(tmp_path, played).buys(each) for each in actions] == [False, True, True, False]
    assert [load(tmp_path, lent).buys(each) for each in actions] == [False] * 4


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nowhere\.toml"):
        load_weights(tmp_path / "nowhere.toml")
