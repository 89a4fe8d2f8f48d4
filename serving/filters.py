"""Which items are wanted: not these, and only those with certain values of their facets."""

from collections.abc import Iterator, Mapping

import msgspec

from penchant.messages import Facets

__all__ = ["Filters", "has_facets"]


class Filters(msgspec.Struct, frozen=True):
    """exclude: items to leave out. facets: by name the values of which an item has one, in lower case.

    >>> wanted = Filters(frozenset({"i1"}), {"genre": frozenset({"sci-fi"})})
    >>> [wanted.allow(item, {"genre": ["Sci-Fi", "Horror"]}) for item in ("i1", "i2")], wanted.allow("i2", {})
    ([False, True], False)
    """

    exclude: frozenset[str] = frozenset()
    facets: Mapping[str, frozenset[str]] = {}

    def __bool__(self) -> bool:
        return bool(self.exclude or self.facets)

    def allow(self, item_id: str, facets: Facets) -> bool:
        """Whether an item is wanted."""
        return item_id not in self.exclude and has_facets(facets, self.facets)


def has_facets(facets: Facets, wanted: Mapping[str, frozenset[str]]) -> bool:
    """Whether an item has, of each facet that is named, one of the values; those are in lower case."""
    return all(not values.isdisjoint(_values(facets.get(name))) for name, values in wanted.items())


def _values(facet: str | list[str] | None) -> Iterator[str]:
    if facet is not None:
        yield from (each.casefold() for each in ([facet] if isinstance(facet, str) else facet))
