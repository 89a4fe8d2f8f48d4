"""The map: what is alike lies near, all within the disc; it is drawn anew only for what changed."""

import base64
import json
from types import SimpleNamespace

import numpy as np

from serving.api.followed.item_details import ItemDetails
from serving.api.shown.item_map import ItemMap

GENRES = ("war", "music", "sport", "travel")
DIM = 16


def vector(genre: str, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float16]]:
    made = np.zeros(DIM)
    made[GENRES.index(genre)] = 1
    made += np.random.default_rng(seed).normal(0, 0.15, DIM)
    return (made / np.linalg.norm(made)).astype(np.float16)


def record(item_id: str, genre: str, seed: int, *, available: bool = True) -> SimpleNamespace:
    packed = base64.b64encode(vector(genre, seed).tobytes()).decode()
    told = {
        "title": item_id,
        "facets": {"genre": [genre], "price": str(seed)},
        "available": available,
        "fingerprint": "f",
        "vector": packed,
    }
    return SimpleNamespace(key=item_id.encode(), value=json.dumps(told).encode())


def catalogue(count: int) -> ItemDetails:
    items = ItemDetails()
    for number in range(count):
        items.take(record(f"i{number}", GENRES[number % 4], number))
    return items


def test_what_is_alike_lies_near_and_all_within_the_disc() -> None:
    drawn = ItemMap(catalogue(400)).drawn()
    places = np.array([drawn.x, drawn.y]).T

    assert drawn.facet == "genre"
    assert len(drawn.items) == 400
    assert np.hypot(*places.T).max() <= 1.001
    middles = np.array([places[number::4].mean(axis=0) for number in range(4)])
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=2)[~np.eye(4, dtype=bool)]
    within = [np.linalg.norm(places[number::4] - middles[number], axis=1).mean() for number in range(4)]
    assert apart.mean() > 2 * np.mean(within)
    assert [drawn.labels[group].name for group in drawn.group[:4]] == list(GENRES)


def test_a_user_lies_among_the_items_that_their_vector_is_like() -> None:
    item_map = ItemMap(catalogue(400))
    drawn = item_map.drawn()

    (place, nothing, other) = item_map.place(
        [3 * vector("war", 9999).astype(np.float32), np.zeros(DIM, np.float32), np.ones(3, np.float32)]
    )

    assert place is not None
    war = next(label for label in drawn.labels if label.name == "war")
    assert min(drawn.labels, key=lambda label: (label.x - place[0]) ** 2 + (label.y - place[1]) ** 2) is war
    assert nothing is other is None


def test_a_few_more_items_move_nothing_and_what_is_gone_is_not_drawn() -> None:
    items = catalogue(200)
    item_map = ItemMap(items)
    before = item_map.drawn()

    assert item_map.drawn() is before
    items.take(record("more", "war", 7))
    items.take(SimpleNamespace(key=b"i0", value=None))
    items.take(record("i1", "music", 1, available=False))
    after = item_map.drawn()

    assert "more" in after.items
    assert not {"i0", "i1"} & set(after.items)
    for drawn in (before, after):
        assert drawn.items.count("i2") == 1
    assert before.x[before.items.index("i2")] == after.x[after.items.index("i2")]


def test_without_items_it_is_empty() -> None:
    item_map = ItemMap(ItemDetails())

    assert item_map.drawn().items == []
    assert item_map.place([np.ones(DIM, np.float32)]) == [None]


def test_without_a_facet_that_groups_them_items_are_placed_all_the_same() -> None:
    items = ItemDetails()
    for number in range(30):
        made = record(f"i{number}", GENRES[number % 4], number)
        told = {**json.loads(made.value), "facets": {"name": f"n{number}"}}
        items.take(SimpleNamespace(key=made.key, value=json.dumps(told).encode()))

    drawn = ItemMap(items).drawn()

    assert drawn.facet == "name"
    assert len(drawn.items) == len(set(zip(drawn.x, drawn.y, strict=True))) == 30
