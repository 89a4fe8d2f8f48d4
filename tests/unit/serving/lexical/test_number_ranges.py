"""Ranges of numbers in what people write, in six languages."""

import pytest

from serving.lexical.number_ranges import read_ranges
from tests.support.waiting import Stopwatch

_Range = tuple[str, float | None, float | None]


@pytest.mark.parametrize(
    ("text", "ranges", "rest"),
    [
        ("headphones under 50", [("bare", None, 50)], "headphones"),
        ("headphones less than $50", [("money", None, 50)], "headphones"),
        ("between 20 and 40", [("bare", 20, 40)], ""),
        ("20-40 €", [("money", 20, 40)], ""),
        ("films from the 90s", [("year", 1990, 1999)], "films"),
        ("1980s comedies", [("year", 1980, 1989)], "comedies"),
        ("a book after 2010", [("year", 2011, None)], "a book"),
        ("old movies before 1950", [("year", None, 1949)], "old movies"),
        ("max. 1.299 €", [("money", None, 1299)], ""),
        ("Kopfhörer bis 50 Euro", [("money", None, 50)], "Kopfhörer"),
        ("Kopfhörer unter 50", [("bare", None, 50)], "Kopfhörer"),
        ("ab 100 Euro", [("money", 100, None)], ""),
        ("Krimis aus den 90ern", [("year", 1990, 1999)], "Krimis"),
        ("Science-Fiction ab 2010", [("year", 2010, None)], "Science-Fiction"),
        ("50元以下的耳机", [("money", None, 50)], "耳机"),
        ("100元到500元之间的帐篷", [("money", 100, 500)], "帐篷"),
        ("不超过200块", [("money", None, 200)], ""),
        ("90年代的犯罪片", [("year", 1990, 1999)], "犯罪片"),
        ("2010年以后的科幻电影", [("year", 2010, None)], "科幻电影"),
        ("auriculares por menos de 50 euros", [("money", None, 50)], "auriculares"),
        ("películas de los años 90", [("year", 1990, 1999)], "películas"),
        ("entre 20 y 40 euros", [("money", 20, 40)], ""),
        ("parfum à moins de 50 euros", [("money", None, 50)], "parfum"),
        ("films de 1990 à 1999", [("year", 1990, 1999)], "films"),
        ("50円以下のヘッドホン", [("money", None, 50)], "ヘッドホン"),
        ("1万円以下のテント", [("money", None, 10000)], "テント"),
        ("2010年以降のSF", [("year", 2010, None)], "SF"),
        ("mindestens 4 Spieler", [("unit", 4, None)], "Spieler"),
    ],
)
def test_a_range_is_read(text: str, ranges: list[_Range], rest: str) -> None:
    numbers = read_ranges(text)

    assert [(each.kind, each.low, each.high) for each in numbers.ranges] == ranges
    assert numbers.rest == rest


@pytest.mark.parametrize(
    "text", ["", "a tent for 2 people", "Blade Runner 2049", "100% cotton", "İ 7", "50", "version 3.5"]
)
def test_a_number_alone_is_no_range(text: str) -> None:
    assert read_ranges(text).ranges == []
    assert read_ranges(text).rest == text


@pytest.mark.parametrize(
    "piece", ["9", "under 9 ", "1.", "1.000", "€", "between 1 and ", "90s ", "1-", "万", "от 5 до "]
)
def test_any_text_is_read_in_no_time(piece: str) -> None:
    text = piece * (2000 // len(piece))

    watch = Stopwatch()
    numbers = read_ranges(text)

    assert watch.usual_s() < 0.5
    assert len(numbers.ranges) <= 3
