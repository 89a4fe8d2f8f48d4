"""A small Chinese catalogue, made by hand: 26 films, six of them science fiction."""

from importlib.resources import files

import msgspec

from penchant.messages import Item

__all__ = ()

_DOMAIN = "电影"
GENRE = "科幻"


class _Film(msgspec.Struct, forbid_unknown_fields=True):
    item_id: str
    title: str
    year: int
    genres: list[str]
    text: str


def scene() -> list[Item]:
    """The films as messages of the items topic."""
    source = files("deploy.demo").joinpath("scene_zh.json").read_bytes()
    return [
        Item(
            item_id=film.item_id,
            title=f"{film.title} ({film.year})",
            text=film.text,
            facets={"genre": film.genres, "domain": _DOMAIN},
        )
        for film in msgspec.json.decode(source, type=list[_Film])
    ]
