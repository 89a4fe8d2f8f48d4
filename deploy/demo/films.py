"""MovieLens-100K as items and ratings, read from the wheels that carry it; nothing of it is shipped with Penchant.

The wheel `recbole` holds the ratings and the films, `bokeh-sampledata` holds directors and casts (Wikidata, CC0).
Both are fetched by the user's own pip at run time.
"""

import re
import sqlite3
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from penchant.errors import Misconfigured

WHEELS = ("recbole==1.2.1", "bokeh-sampledata==2026.1")
TERMS = (
    "MovieLens-100K comes from GroupLens at the University of Minnesota: for research use, not to be redistributed; "
    "it is read from the wheel recbole 1.2.1. Directors and casts: Wikidata (CC0), from bokeh-sampledata 2026.1."
)
RATING_SCALE = (1.0, 5.0)
_FOLDER = "recbole/dataset_example/ml-100k/ml-100k"
_DATABASE = "bokeh_sampledata/_data/movies.db"
_CAST = 4  # names of a cast that go into a film's text


@dataclass(frozen=True, slots=True)
class Film:
    """A film: title without year, year (None where MovieLens has none), genres as MovieLens names them."""

    item_id: str
    title: str
    year: int | None
    genres: list[str]
    director: str = ""
    cast: tuple[str, ...] = ()

    @property
    def display(self) -> str:
        """The title as people write it: "Alien (1979)"."""
        return f"{self.title} ({self.year})" if self.year else self.title

    def message(self) -> dict[str, object]:
        """The film as a message of the items topic.

        Director and cast are facets and no text: names in an item's text draw films together by how the names look.
        """
        facets: dict[str, str | list[str]] = {"genre": self.genres, "domain": "film"}
        if self.director:
            facets["director"] = self.director
        if self.cast:
            facets["cast"] = list(self.cast)
        return {"item_id": self.item_id, "title": self.display, "facets": facets}


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating: 1 to 5 stars, time in seconds since 1970."""

    user_id: str
    item_id: str
    stars: float
    time_s: int


def fetch(folder: Path) -> None:
    """Download the wheels that are not in `folder` yet. Raises Misconfigured with pip's words if they cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [wheel for wheel in WHEELS if _find(folder, wheel) is None]
    if not missing:
        return
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*pip, "--dest", str(folder), *missing], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Misconfigured(f"cannot download {' and '.join(missing)}: {done.stderr.strip()}; put them into {folder}")


def films(folder: Path) -> list[Film]:
    """All 1,682 films in MovieLens' order. Raises Misconfigured if the wheels are not in `folder`."""
    facts = _facts(folder)
    return [_with_facts(film, facts) for film in _plain_films(folder)]


def ratings(folder: Path) -> list[Rating]:
    """All 100,000 ratings in order of time, equal times by user and item, so that the order is always the same."""
    rows = [Rating(user, item, float(stars), int(float(time))) for user, item, stars, time in _table(folder, "inter")]
    return sorted(rows, key=lambda r: (r.time_s, int(r.user_id), int(r.item_id)))


def _plain_films(folder: Path) -> Iterator[Film]:
    for item_id, title, year, genres in _table(folder, "item"):
        known = [genre for genre in genres.split() if genre != "unknown"]
        yield Film(item_id, _natural(title), int(year) if year.isdigit() else None, known)


def _table(folder: Path, kind: str) -> Iterator[list[str]]:
    with zipfile.ZipFile(_require(folder, WHEELS[0])) as wheel:
        text = wheel.read(f"{_FOLDER}.{kind}").decode()
    rows = iter(text.splitlines())
    next(rows)  # names and types of the columns
    for row in rows:
        yield row.split("\t")


def _facts(folder: Path) -> dict[tuple[str, int], tuple[str, tuple[str, ...]]]:
    """Director and first names of the cast, by normalised title and year."""
    with (
        zipfile.ZipFile(_require(folder, WHEELS[1])) as wheel,
        tempfile.TemporaryDirectory() as scratch,  # sqlite reads files only
    ):
        database = sqlite3.connect(wheel.extract(_DATABASE, scratch))
        try:
            rows = database.execute('SELECT "Title", "Year", "Director", "Cast" FROM omdb ORDER BY "ID"').fetchall()
        finally:
            database.close()
    facts: dict[tuple[str, int], tuple[str, tuple[str, ...]]] = {}
    for title, year, director, cast in rows:
        if title and year:
            names = tuple((cast or "").split(", ")[:_CAST]) if cast else ()
            facts.setdefault((_key(title), int(year)), (director or "", names))
    return facts


def _with_facts(film: Film, facts: dict[tuple[str, int], tuple[str, tuple[str, ...]]]) -> Film:
    """The film with director and cast; the sources may differ by a year, or one may name the film by a translation."""
    if film.year is None:
        return film
    for title in _titles(film.title):
        for year in (film.year, film.year - 1, film.year + 1):
            if found := facts.get((_key(title), year)):
                return Film(film.item_id, film.title, film.year, film.genres, *found)
    return film


def _titles(title: str) -> Iterator[str]:
    """A title and the one in brackets after it: "French Twist (Gazon maudit)" goes by both names."""
    yield title
    if match := re.fullmatch(r"(.+?) \((.+)\)", title):
        yield from match.groups()


def _natural(title: str) -> str:
    """A title with its article in front: "Usual Suspects, The" as "The Usual Suspects"."""
    return re.sub(r"^([^(]+), (The|An?|Il|L[ae]|Les|El|Das|Der|Die)(?= \(|$)", r"\2 \1", title)


def _key(title: str) -> str:
    """A title for comparing, without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", _natural(title)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "", plain.replace("&", "and"))


def _find(folder: Path, wheel: str) -> Path | None:
    name, version = wheel.split("==")
    return next(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"), None)


def _require(folder: Path, wheel: str) -> Path:
    found = _find(folder, wheel)
    if found is None:
        raise Misconfigured(f"{wheel} is not in {folder}: call deploy.demo.films.fetch, or `pip download` it there")
    return found
