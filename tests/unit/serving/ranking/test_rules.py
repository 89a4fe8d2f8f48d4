"""Rules of a file, and the places of a list: what is blocked, demoted, pinned, and how varied it is."""

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from penchant.errors import Misconfigured
from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.ranking.rules import Rules, parse
from serving.ranking.slate import Slate
from serving.state.user_state import EventKind, RingEvent, UserState

DIM = 8
GENRES = ["Horror", "Comedy"]


def catalogue_of(n: int, seed: int = 1) -> Catalogue:
    """Items i0 … with random vectors, every other one a comedy, every third by Acme."""
    made, random = Catalogue(DIM, "f"), np.random.default_rng(seed)
    for at in range(n):
        vector = random.normal(size=DIM)
        facets: dict[str, str | list[str]] = {"genre": [GENRES[at % 2]], "brand": "Acme" if at % 3 == 0 else "Other"}
        made.put(
            ItemVector(
                item_id=f"i{at}",
                title=f"t{at}",
                facets=facets,
                available=True,
                revision="",
                fingerprint="f",
                vector=pack((vector / np.linalg.norm(vector)).astype(np.float32)),
            )
        )
    made.recentre()
    return made


def rules_of(catalogue: Catalogue, folder: Path, text: str) -> Rules:
    path = folder / "rules.toml"
    path.write_text(text)
    return Rules(catalogue, path)


def user(*items: str) -> UserState:
    ring = [RingEvent(1000 + n, f"e{n}", n, item, EventKind.CLICK, 1.0, 1.0) for n, item in enumerate(items)]
    return UserState(ring=ring)


EVERYTHING = RankSettings(variety=0.3, explore=0.25, relevance=1.0, seen="down")
BLOCKS = """
[[rule]]
do = "block"
where = {genre = "horror"}
[[rule]]
do = "block"
item = "i1"
"""


@pytest.mark.parametrize("settings", [RankSettings(), EVERYTHING])
def test_what_is_blocked_is_on_no_list_whoever_asks(tmp_path: Path, settings: RankSettings) -> None:
    """An item, and a facet; also where places are given centred, filled by what trends, or varied."""
    catalogue, popularity = catalogue_of(60), Popularity()
    random = np.random.default_rng(2)
    for row in random.integers(0, 40, 300).tolist():
        popularity.add(row, 1.0)
    ranker = Ranker(catalogue, popularity, settings, rules=rules_of(catalogue, tmp_path, BLOCKS))
    states = [user(*(f"i{n}" for n in random.integers(0, 60, n % 4))) for n in range(5_000)]
    lists = ranker.rank_many(states, 10)
    listed = {each.item_id for made in lists for each in made.items}
    assert len(lists) == 5_000
    assert listed
    assert all(int(item[1:]) % 2 == 1 and item != "i1" for item in listed), "comedies, but for one"
    assert all(each.item_id != "i1" and int(each.item_id[1:]) % 2 for each in ranker.trending(60).items)


def test_a_rule_holds_from_the_next_list_on(tmp_path: Path) -> None:
    catalogue = catalogue_of(20)
    rules = rules_of(catalogue, tmp_path, "")
    ranker = Ranker(catalogue, Popularity(), rules=rules)
    first = ranker.rank(user("i3"), 5).items[0].item_id
    path = tmp_path / "rules.toml"
    path.write_text(f'[[rule]]\ndo = "block"\nitem = "{first}"\n')
    assert rules.read()
    assert not rules.read(), "nothing new in it"
    assert first not in {each.item_id for each in ranker.rank(user("i3"), 20).items}
    path.write_text("")
    os.utime(path, ns=(1, 1))
    assert rules.read()
    assert ranker.rank(user("i3"), 5).items[0].item_id == first


def test_an_item_that_comes_later_falls_under_the_rules_too(tmp_path: Path) -> None:
    catalogue = catalogue_of(4)
    rules = rules_of(catalogue, tmp_path, '[[rule]]\ndo = "demote"\nwhere = {brand = "Acme"}\npoints = 3.0\n')
    assert rules.points().tolist() == [-3.0, 0.0, 0.0, -3.0]
    item = catalogue.get("i0")
    assert item is not None
    catalogue.put(ItemVector(**{name: getattr(item, name) for name in item.__struct_fields__} | {"item_id": "late"}))
    assert rules.points().tolist() == [-3.0, 0.0, 0.0, -3.0, -3.0]


def test_a_pinned_item_has_its_place_unless_it_must_not_be_listed(tmp_path: Path) -> None:
    catalogue = catalogue_of(20)
    text = '[[rule]]\ndo = "pin"\nitem = "i7"\nplace = 2\n[[rule]]\ndo = "pin"\nitem = "gone"\nplace = 1\n'
    ranker = Ranker(catalogue, Popularity(), rules=rules_of(catalogue, tmp_path, text))
    assert [each.item_id for each in ranker.rank(user("i3"), 5).items].index("i7") == 1
    assert len(ranker.rank(user("i3"), 5).items) == 5
    catalogue.remove("i7")
    assert "i7" not in {each.item_id for each in ranker.rank(user("i3"), 20).items}


@pytest.mark.parametrize("settings", [RankSettings(), EVERYTHING])
def test_a_floor_gives_a_facet_its_share_of_the_places(tmp_path: Path, settings: RankSettings) -> None:
    """Given lists of ten, then three are of the brand, its best; the first places stay, and nothing stands twice."""
    catalogue = catalogue_of(300)
    demoted = '[[rule]]\ndo = "demote"\nwhere = {brand = "Acme"}\npoints = 9.0\n'
    floor = '[[rule]]\ndo = "floor"\nwhere = {brand = "Acme"}\nshare = 0.39\n'
    without = Ranker(catalogue, Popularity(), settings, rules=rules_of(catalogue, tmp_path, demoted))
    (tmp_path / "floor").mkdir()
    ranker = Ranker(catalogue, Popularity(), settings, rules=rules_of(catalogue, tmp_path / "floor", demoted + floor))
    for n in range(1, 30, 3):
        before, listed = without.rank(user(f"i{n}"), 10).items, ranker.rank(user(f"i{n}"), 10).items
        brands = [catalogue.items[catalogue.row(each.item_id)].facets["brand"] for each in listed]  # type: ignore[union-attr]
        assert brands.count("Acme") == 3
        assert len({each.item_id for each in listed}) == 10
        assert [each.item_id for each in listed[:7]] == [each.item_id for each in before[:7]]
        assert [each.score for each in listed[7:]] == sorted((each.score for each in listed[7:]), reverse=True)


def test_boosts_move_points(tmp_path: Path) -> None:
    catalogue = catalogue_of(20)
    text = '[[rule]]\ndo = "boost"\nitem = "i9"\npoints = 100\n[[rule]]\ndo = "demote"\nitem = "i8"\npoints = 100\n'
    ranker = Ranker(catalogue, Popularity(), rules=rules_of(catalogue, tmp_path, text))
    listed = [each.item_id for each in ranker.rank(user("i3"), 20).items]
    assert (listed[0], listed[-1]) == ("i9", "i8")


def test_more_variety_makes_lists_more_varied() -> None:
    catalogue = catalogue_of(300)
    likeness = []
    for variety in (0.0, 0.2, 0.4, 0.8):
        ranker = Ranker(catalogue, Popularity(), RankSettings(variety=variety))
        means = []
        for n in range(30):
            rows = np.array([catalogue.row(each.item_id) for each in ranker.rank(user(f"i{n}"), 10).items])
            cosines = catalogue.centred(rows) @ catalogue.centred(rows).T
            means.append((cosines.sum() - len(rows)) / (len(rows) * (len(rows) - 1)))
        likeness.append(float(np.mean(means)))
    assert likeness == sorted(likeness, reverse=True)
    assert likeness[0] - likeness[-1] > 0.2


def test_variety_keeps_the_best_first_and_lists_nothing_twice() -> None:
    catalogue = catalogue_of(50)
    slate = Slate(catalogue, Rules(catalogue), 0.5)
    points = np.arange(50, dtype=np.float32)
    points[10:] = -np.inf
    rows = slate.choose(points, 20).tolist()
    assert rows[0] == 9
    assert sorted(rows) == list(range(10))
    assert slate.choose(np.full(50, -np.inf, np.float32), 5).tolist() == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[[rule", "cannot be understood"),
        ('[[rule]]\ndo = "hide"\nitem = "i1"', "cannot be understood"),
        ('[[rule]]\ndo = "block"', "either `item` or `where`"),
        ('[[rule]]\ndo = "block"\nwhere = {}', "names no facet"),
        ('[[rule]]\ndo = "pin"\nwhere = {genre = "Horror"}\nplace = 1', "only an `item`"),
        ('[[rule]]\ndo = "pin"\nitem = "i1"', "`place` must lie"),
        ('[[rule]]\ndo = "demote"\nitem = "i1"', "`points` must be above 0"),
        ('[[rule]]\ndo = "boost"\nitem = "i1"\npoints = 1e39', "at most 1,000,000"),
        ('[[rule]]\ndo = "block"\nitem = "i1"\npoints = 1.0', "`points` is for"),
        ('[[rule]]\ndo = "block"\nitem = "i1"\nplace = 1', "`place` is for"),
        ('[[rule]]\ndo = "floor"\nitem = "i1"', "`share` must be"),
        ('[[rule]]\ndo = "floor"\nitem = "i1"\nshare = 1.5', "`share` must be"),
        ('[[rule]]\ndo = "block"\nitem = "i1"\nshare = 0.5', "`share` is for"),
        ('[[rule]]\ndo = "seen"\nitem = "i1"', "`seen` is for seen"),
        ('[[rule]]\ndo = "block"\nitem = "i1"\nseen = "out"', "`seen` is for seen"),
        ('[[rule]]\ndo = "seen"\nitem = "i1"\nseen = "up"', "cannot be understood"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(Misconfigured, match=wrong):
        parse(text)
    with pytest.raises(Misconfigured, match=r"rules\.toml"):
        rules_of(Catalogue(DIM, "f"), tmp_path, text)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        Rules(Catalogue(DIM, "f"), tmp_path / "none.toml")


def test_a_file_that_becomes_unreadable_leaves_the_rules_of_before(tmp_path: Path) -> None:
    """Saved in another encoding by an editor, then nothing but brackets: each is said once; the next puts it right."""
    rules = rules_of(catalogue_of(4), tmp_path, '[[rule]]\ndo = "block"\nitem = "i1"\n')
    path = tmp_path / "rules.toml"
    for content, said in (
        (b"[[rule]]\n# caf\xe9\n", r"it is not UTF-8 \(line 2\)"),
        (b"a = " + b"[" * 2000, "too deeply"),
    ):
        path.write_bytes(content)
        with pytest.raises(Misconfigured, match=said):
            rules.read()
        assert not rules.read()
        assert rules.block(1)
    path.write_bytes('[[rule]]\ndo = "block"\nitem = "i2"\n'.encode("utf-16"))
    assert rules.read()
    assert (rules.block(1), rules.block(2)) == (False, True)


def test_a_file_that_cannot_be_opened_for_a_while_is_read_afterwards(tmp_path: Path) -> None:
    """A folder in its place, as a volume that is mounted late; then what was written meanwhile counts."""
    rules = rules_of(catalogue_of(4), tmp_path, "")
    path = tmp_path / "rules.toml"
    path.unlink()
    path.mkdir()
    assert not rules.read()
    about = path.stat()
    path.rmdir()
    path.write_bytes(b'[[rule]]\ndo = "block"\nitem = "i1"\n'.ljust(about.st_size))
    os.utime(path, ns=(about.st_mtime_ns, about.st_mtime_ns))
    assert path.stat().st_size == about.st_size
    assert rules.read()
    assert rules.block(1)


@pytest.mark.parametrize(
    ("where", "blocked"),
    [
        ("{price = {max = 20}}", {"cheap"}),
        ("{price = {min = 20}}", {"dear"}),
        ("{price = {min = 9.99, max = 200}}", {"cheap", "dear"}),
        ('{price = {min = 5}, brand = "Acme"}', {"dear"}),
        ("{size = {min = 1}}", set()),
    ],
)
def test_a_rule_may_be_about_numbers(tmp_path: Path, where: str, blocked: set[str]) -> None:
    items = Catalogue(DIM, "f")
    facets: dict[str, dict[str, str | list[str]]] = {
        "cheap": {"price": "9.99", "size": "M"},
        "dear": {"price": "120 €", "brand": "Acme"},
        "unpriced": {"price": "on request", "brand": "Acme"},
    }
    for item_id, of_item in facets.items():
        vector = pack(np.eye(DIM, dtype=np.float32)[0])
        about = {"item_id": item_id, "title": item_id, "facets": of_item, "available": True}
        items.put(msgspec.convert(about | {"revision": "", "fingerprint": "f", "vector": vector}, ItemVector))

    rules = rules_of(items, tmp_path, f'[[rule]]\ndo = "block"\nwhere = {where}\n')

    assert {items.ids[row] for row in range(len(items)) if rules.block(row)} == blocked


@pytest.mark.parametrize("range_of", ["{}", "{min = 5, max = 4}", "{max = nan, min = 1}"])
def test_a_range_of_nothing_is_refused(range_of: str) -> None:
    with pytest.raises(Misconfigured, match=r"rule 1 \(block\): a range in `where` has `min`, `max` or both"):
        parse(f'[[rule]]\ndo = "block"\nwhere = {{price = {range_of}}}\n')
