"""Plain language through the whole system, with the real encoder: the film catalogue and the small Chinese one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.films import fetch, films
from deploy.demo.scene import scene
from tests.conftest import Broker
from tests.support.system import System, running

pytestmark = [pytest.mark.kafka, pytest.mark.model]

WANTS_SCIENCE_FICTION = "我喜欢看电影，尤其是科幻片"
WANTS_ROMANTIC_COMEDIES = "I am in the mood for romantic comedies"
WHEELS = Path(".cache/wheels")


@pytest.fixture(scope="module")
def genres() -> Mapping[str, set[str]]:
    """Film id -> genres, of the 1,682 films."""
    fetch(WHEELS)
    return {film.item_id: set(film.genres) for film in films(WHEELS)}


@pytest.fixture(scope="module")
def catalogue(
    broker: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory, genres: Mapping[str, set[str]]
) -> Iterator[System]:
    """A system that knows the 1,682 films. Lists of 50, so that films further down can be named."""
    with running(broker, redis_url, "statements-films", tmp_path_factory.mktemp("films")) as system:
        system.start_ready(PENCHANT_K="50")
        system.publish([film.message() for film in films(WHEELS)])
        yield system


def top(made: Mapping[str, Any], genres: Mapping[str, set[str]], wanted: set[str], k: int = 10) -> list[str]:
    """The items among the first `k` that have all the wanted genres."""
    return [item["item_id"] for item in made["items"][:k] if wanted <= genres[item["item_id"]]]


def test_statements_change_the_list_and_dismissals_push_down(catalogue: System, genres: Mapping[str, set[str]]) -> None:
    """Given a new user, when she says what she likes, changes her mind, and dismisses, then the first ten follow."""
    catalogue.say("li", WANTS_SCIENCE_FICTION, event_id="s1")
    first = catalogue.read_list_for("li", "s1")
    assert len(top(first, genres, {"Sci-Fi"})) >= 8

    catalogue.say("li", WANTS_ROMANTIC_COMEDIES, event_id="s2")
    second = catalogue.read_list_for("li", "s2")
    assert len(top(second, genres, {"Romance", "Comedy"})) >= 5

    highest = dict.fromkeys([*top(second, genres, {"Sci-Fi"}, k=50), *top(first, genres, {"Sci-Fi"})])
    for number, item_id in enumerate(list(highest)[:2]):
        catalogue.click("li", item_id, "dismiss", event_id=f"d{number}")
    third = catalogue.list_for("li", "d1")
    assert len(top(third, genres, {"Sci-Fi"})) <= 3
    assert third["items"][0]["reasons"][0]["words"]


def test_dismissals_alone_bring_science_fiction_down(catalogue: System, genres: Mapping[str, set[str]]) -> None:
    """Given a user who asked for science fiction, then two dismissed films are gone and their like rank lower."""
    catalogue.say("wu", WANTS_SCIENCE_FICTION, event_id="s1")
    shown = top(catalogue.read_list_for("wu", "s1"), genres, {"Sci-Fi"})
    for number, item_id in enumerate(shown[:2]):
        catalogue.click("wu", item_id, "dismiss", event_id=f"d{number}")
    items = [item["item_id"] for item in catalogue.list_for("wu", "d1")["items"]]
    assert not set(shown[:2]) & set(items)


def test_chinese_scene(broker: Broker, redis_url: str, tmp_path: Path) -> None:
    """Given at least 20 Chinese films, at most 6 of them science fiction, then these stand in the first four places."""
    films_of_scene = scene()
    science_fiction = {item.item_id for item in films_of_scene if "科幻" in item.facets["genre"]}
    assert len(films_of_scene) >= 20
    assert 4 <= len(science_fiction) <= 6
    with running(broker, redis_url, "statements-scene", tmp_path) as system:
        system.start_ready()
        system.publish([to_message(item) for item in films_of_scene])
        system.say("li", WANTS_SCIENCE_FICTION, event_id="s1")
        first = [item["item_id"] for item in system.read_list_for("li", "s1")["items"][:4]]
    assert set(first) <= science_fiction


def to_message(item: Any) -> dict[str, Any]:
    """An item as a producer writes it."""
    return {name: getattr(item, name) for name in item.__struct_fields__}
