"""The table of model folders: what statements find, what a row has."""

from pathlib import Path

import pytest

from benchmarks.statements.judged import FIRST
from benchmarks.statements.models import GENRES, SAID, figures, film_shop, table, timed, wishes
from penchant.messages import Item
from tests.support.tiny_encoder import write_tiny_folder


@pytest.mark.parametrize("language", SAID)
def test_each_genre_is_asked_for_in_each_way(language: str) -> None:
    made = wishes(language)
    assert len({statement.text for statement in made}) == len(made) == len(GENRES) * len(SAID[language])


def test_a_folder_has_a_row_with_shares_of_what_there_is(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "tiny")
    films = [Item(item_id=f"i{n}", title=f"film {n}", facets={"genre": list(GENRES)}) for n in range(2 * FIRST)]

    row = figures(folder, film_shop(films), tmp_path)
    row["ms"] = timed([folder], 0)[0]

    assert row["films"] == {"en": 1, "zh": 1}, "every film here is of every genre"
    assert row["held"]["en"][1] > 20
    assert "| tests/three-numbers | fp32 | 1.00 | 1.00 |" in table([row])
