"""What a request asks for: the user in its path, the part of a list, its body. Raises Problem for what cannot be."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from multidict import MultiMapping

from penchant.errors import Rejected
from penchant.fields import check_id
from serving.api.problems import Problem, bad_request
from serving.filters import Filters

__all__ = ()

MOST_ENTRIES = 1000
_T = TypeVar("_T")
_FACET = "facet."


class ListQuery(Filters, frozen=True):
    """Which part of a list is wanted.

    k: None for all of it. offset: so many of those that the filters leave are passed over. fallback: whether what
    trends is wanted for a user that is not known.
    """

    k: int | None = None
    offset: int = 0
    fallback: bool = False

    @property
    def places(self) -> slice:
        """Those of what the filters leave."""
        return slice(self.offset, None if self.k is None else self.offset + self.k)


def id_in_path(request: web.Request, name: str = "id") -> str:
    """An id that stands in the path, decoded."""
    given = request.match_info[name]
    try:
        check_id(name, given)
    except Rejected as error:
        raise bad_request(error) from None
    return given


async def json_in_body(request: web.Request) -> Any:
    """The body, which has to be JSON and to say so."""
    if request.content_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "send it with Content-Type: application/json"
        )
    try:
        return msgspec.json.decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "not_json", f"the body is no JSON: {error}") from None


async def body_of(request: web.Request, kind: type[_T]) -> _T:
    """The body as a message of this kind."""
    return _read(await json_in_body(request), kind)


async def filtered_body_of(request: web.Request, kind: type[_T]) -> tuple[_T, Filters]:
    """The same, and the filters that stand beside its members: `exclude`, and `facet.NAME` as in a list's query."""
    body = await json_in_body(request)
    read, members = _read(body, kind), body if isinstance(body, dict) else {}
    facets = {name.removeprefix(_FACET): value for name, value in members.items() if _names_facet(name)}
    given = _read({"exclude": members.get("exclude", []), "facets": facets}, _Given)
    exclude = _excluded([given.exclude]) if isinstance(given.exclude, str) else given.exclude
    return read, Filters(frozenset(exclude), {name: _folded(values) for name, values in given.facets.items()})


class _Given(msgspec.Struct):
    exclude: str | list[str]
    facets: dict[str, str | list[str]]


def _read(given: Any, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "schema", f"the body is not as it should be: {error}") from None


def _names_facet(name: str) -> bool:
    return name.startswith(_FACET) and name != _FACET


def _folded(values: str | list[str]) -> frozenset[str]:
    return frozenset(each.casefold() for each in ([values] if isinstance(values, str) else values))


def list_query(query: MultiMapping[str]) -> ListQuery:
    """Read the query of a list.

    >>> from multidict import MultiDict
    >>> list_query(MultiDict({"k": "5", "exclude": "i1,i2", "facet.genre": "Sci-Fi"})).facets
    {'genre': frozenset({'sci-fi'})}
    """
    if not query:
        return ListQuery()
    facets: dict[str, set[str]] = {}
    for name, value in query.items():
        if _names_facet(name):
            facets.setdefault(name.removeprefix(_FACET), set()).add(value.casefold())
    return ListQuery(
        frozenset(_excluded(query.getall("exclude", []))),
        {name: frozenset(values) for name, values in facets.items()},
        _whole_number(query, "k", 1),
        _whole_number(query, "offset", 0) or 0,
        _fallback(query.get("fallback")),
    )


def _excluded(given: Iterable[str]) -> Iterator[str]:
    """Each value is an id, or several with commas: an id may have commas in it."""
    for value in given:
        yield value
        if "," in value:
            yield from value.split(",")


def _whole_number(query: MultiMapping[str], name: str, least: int) -> int | None:
    if name not in query:
        return None
    text = query[name]
    if not (text.isascii() and text.isdigit() and len(text) < 6 and least <= int(text) <= MOST_ENTRIES):
        raise _wrong(name, f"it is a whole number, {least} to {MOST_ENTRIES}")
    return int(text)


def _fallback(text: str | None) -> bool:
    if text not in {None, "trending"}:
        raise _wrong("fallback", "`trending` is the only one there is")
    return text is not None


def _wrong(name: str, what: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "bad_parameter", f"`{name}` cannot be understood: {what}", parameter=name)
