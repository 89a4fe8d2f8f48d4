"""Which values of facets all items have: they tell nobody apart."""

import time
from collections.abc import Callable, Iterable
from threading import Lock

from penchant.messages import Facets

__all__ = ()

FacetValue = tuple[str, str]
_SHARE = 0.01  # of the time may go into looking again


class SharedValues:
    """Told of each item as it comes: that one more item lacks a value is noticed at once.

    That a value has come to be shared, because items went or changed, needs a look at all of them: `among` does so when
    it is asked, but not for more than a hundredth of the time.

    >>> shared = SharedValues()
    >>> items = [{"kind": "film", "genre": ["Sci-Fi", "Horror"]}, {"kind": "film", "genre": "Horror"}, {"kind": "film"}]
    >>> for item in items:
    ...     shared.add(item)
    >>> sorted(shared.among(lambda: items))
    [('kind', 'film')]
    >>> shared.lost()
    >>> sorted(shared.among(lambda: items[:2]))
    [('genre', 'Horror'), ('kind', 'film')]
    """

    def __init__(self) -> None:
        self._values: frozenset[FacetValue] | None = None  # None: no item has come
        self._may_be_more = False
        self._next_s = 0.0  # when all may be looked at again
        self._lock = Lock()  # items come in another thread than questions

    def add(self, facets: Facets) -> None:
        """An item has come, or is another now."""
        with self._lock:
            if self._values is None:
                self._values = frozenset(values_of(facets))
            elif self._values:
                self._values &= frozenset(values_of(facets))

    def lost(self) -> None:
        """An item is gone, or another now."""
        self._may_be_more = True

    def among(self, all_items: Callable[[], Iterable[Facets]]) -> frozenset[FacetValue]:
        """Those of now."""
        with self._lock:
            began_s = time.monotonic()
            if self._may_be_more and began_s >= self._next_s:
                self._may_be_more = False
                self._values = _shared(all_items())
                ended_s = time.monotonic()
                self._next_s = ended_s + (ended_s - began_s) / _SHARE
            return self._values or frozenset()


def values_of(facets: Facets) -> Iterable[FacetValue]:
    """Each value with the facet's name."""
    for name, values in facets.items():
        for value in [values] if isinstance(values, str) else values:
            yield name, value


def _shared(items: Iterable[Facets]) -> frozenset[FacetValue] | None:
    found: frozenset[FacetValue] | None = None
    for facets in items:
        of_item = frozenset(values_of(facets))
        found = of_item if found is None else found & of_item
        if not found:
            break
    return found
