"""What people decide about lists, beside what is learned: a file of rules, by item or by facet.

    [[rule]]
    do = "block"                  # never listed
    where = {genre = "Horror"}    # every item with that facet; or item = "i9"
                                  # where = {price = {min = 20, max = 50}}: a number within, both ends included

    [[rule]]
    do = "demote"                 # or "boost": by so many points; lists' scores lie about 1 to 10 apart
    where = {brand = "Acme"}
    points = 2.0

    [[rule]]
    do = "pin"                    # on this place of every list, unless the user has seen it
    item = "i7"
    place = 1

    [[rule]]
    do = "seen"                   # out, down or again: instead of PENCHANT_SEEN, for these items
    where = {category = "Food"}
    seen = "again"

    [[rule]]
    do = "floor"                  # at least this share of a list's places is for these items, as far as there are any
    where = {brand = "Small & Co"}
    share = 0.1

Facets are compared as they were published, but for case. An item may be named that is not published yet.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from penchant.errors import Misconfigured
from serving.arrays import Floats, Mask
from serving.catalogue import Catalogue, CatalogueItem
from serving.files import toml_files as edited
from serving.lexical.numeric_facets import number_in
from serving.ranking.rank_settings import Seen

__all__ = ["Rules"]

_MOST_PLACE = 1000
_MOST_POINTS = 1e6  # lists' scores lie about 1 to 10 apart; thousands of such rules still add up to a number


class _NumberRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range of numbers, both ends included; either may be missing."""

    min: float | None = None
    max: float | None = None

    def has(self, number: float | None) -> bool:
        """Whether it is a number within."""
        low, high = self.min, self.max
        return number is not None and (low is None or number >= low) and (high is None or number <= high)


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the file: about an `item`, or about all items `where`. `place` counts from 1."""

    do: Literal["block", "demote", "boost", "pin", "seen", "floor"]
    item: str | None = None
    where: dict[str, str | _NumberRange] | None = None
    points: float | None = None
    place: int | None = None
    seen: Seen | None = None
    share: float | None = None

    def fits(self, item_id: str, item: CatalogueItem | None) -> bool:
        """Whether it is about this item."""
        if self.where is None:
            return item_id == self.item
        return item is not None and all(_has(item, name, value) for name, value in self.where.items())


class _RulesFile(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[_Rule] = []


class Rules:
    """The rules of a file, by the rows of a catalogue. `read` again whenever the file may have changed."""

    def __init__(self, catalogue: Catalogue, path: Path | None = None) -> None:
        self._catalogue = catalogue
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._rules: list[_Rule] = []
        self._floors: list[tuple[Mask, float]] = []
        self._points = np.zeros(0, np.float32)
        self._seen = np.zeros(0, "U5")
        self._points_of = (-1, -1)
        self.read()

    def read(self) -> bool:
        """Take over the file if it is another than before. Returns whether it was.

        Raises Misconfigured, once, naming the rule and what is wrong; the rules of before stay in force, as they do
        while the file is away.
        """
        if self._path is None:
            return False
        try:
            about = self._path.stat()
            stamp = (about.st_mtime_ns, about.st_size)
            if stamp == self._stamp:
                return False
            self._rules = parse(edited.read_text(self._path))
        except OSError as error:
            if self._stamp is not None:
                return False
            raise Misconfigured(f"the rules file {self._path} cannot be read: {error}") from error
        except Misconfigured as error:
            self._stamp = stamp
            raise Misconfigured(f"the rules file {self._path}: {error}") from error
        self._stamp = stamp
        self._points_of = (-1, -1)
        return True

    def __bool__(self) -> bool:
        return bool(self._rules)

    def points(self) -> Floats:
        """What is added to each item's points, `(n,)`: -inf for what is blocked."""
        self._follow()
        return self._points

    def seen(self) -> npt.NDArray[np.str_]:
        """By what it goes for each item whether it is listed once it was seen, `(n,)`, "": by the setting.

        Empty if no rule says so.
        """
        self._follow()
        return self._seen

    def floors(self) -> list[tuple[Mask, float]]:
        """Which items `(n,)` have a share of each list's places, and what share."""
        self._follow()
        return self._floors

    def any_seen(self, seen: Seen, usual: Seen) -> bool:
        """Whether it may go by `seen` for an item, `usual` being the setting."""
        return usual == seen or any(rule.seen == seen for rule in self._rules)

    def _follow(self) -> None:
        """Find out what the rules say to each item, if items or rules have changed; of two the last one counts."""
        current = (len(self._catalogue), self._catalogue.changes)
        if self._points_of == current:
            return
        about_seen = any(rule.seen for rule in self._rules)
        self._points = np.zeros(current[0], np.float32)
        self._floors = []
        self._seen = np.full(current[0] if about_seen else 0, "", "U5")
        for rule in self._rules:
            if rule.do == "seen":
                self._seen[self._rows(rule)] = rule.seen
            elif rule.do == "floor":
                about = np.zeros(current[0], np.bool_)
                about[self._rows(rule)] = True
                self._floors.append((about, rule.share or 0.0))
            elif rule.do != "pin":
                self._points[self._rows(rule)] += _POINTS[rule.do] * (1.0 if rule.points is None else rule.points)
        self._points_of = current

    def block(self, row: int) -> bool:
        """Whether an item is kept off every list."""
        return bool(self._rules) and bool(np.isneginf(self.points()[row]))

    def pins(self) -> Mapping[int, int]:
        """Row -> place, from 1; the rule that stands last wins a place."""
        pinned = {rule.place: rule.item for rule in self._rules if rule.do == "pin"}
        rows = {self._catalogue.find(item or ""): place for place, item in pinned.items()}
        return {row: place for row, place in rows.items() if row is not None and place is not None}

    def _rows(self, rule: _Rule) -> list[int]:
        catalogue = self._catalogue
        if rule.where is None:
            row = catalogue.find(rule.item or "")
            return [] if row is None else [row]
        return [row for row, item in enumerate(catalogue.items) if rule.fits(catalogue.ids[row], item)]


_POINTS = {"block": -np.inf, "demote": -1.0, "boost": 1.0}


def parse(text: str) -> list[_Rule]:
    """The rules of a file's text.

    Raises Misconfigured.
    """
    rules = edited.parse(text, _RulesFile).rule
    for number, rule in enumerate(rules, 1):
        if wrong := _wrong(rule):
            raise Misconfigured(f"rule {number} ({rule.do}): {wrong}")
    return rules


def _wrong(rule: _Rule) -> str | None:
    pin, shift = rule.do == "pin", rule.do in {"demote", "boost"}
    place, points = rule.place or 0, rule.points or 0.0
    complaints = (
        ((rule.item is None) == (rule.where is None), "say either `item` or `where`"),
        (rule.where == {}, "`where` names no facet: it would be about every item"),
        (any(map(_is_empty, (rule.where or {}).values())), "a range in `where` has `min`, `max` or both, min first"),
        (pin and rule.item is None, "only an `item` can be pinned"),
        (pin and not 1 <= place <= _MOST_PLACE, f"`place` must lie between 1 and {_MOST_PLACE}"),
        (not pin and rule.place is not None, "`place` is for pins"),
        (shift and not 0 < points <= _MOST_POINTS, f"`points` must be above 0 and at most {_MOST_POINTS:,.0f}"),
        (not shift and rule.points is not None, "`points` is for demote and boost"),
        (rule.do == "floor" and not 0 < (rule.share or 0.0) <= 1, "`share` must be above 0 and at most 1"),
        (rule.do != "floor" and rule.share is not None, "`share` is for floor"),
        ((rule.do == "seen") == (rule.seen is None), "`seen` is for seen, and one of out, down and again"),
    )
    return next((text for wrong, text in complaints if wrong), None)


def _is_empty(value: str | _NumberRange) -> bool:
    """Whether it is a range that nothing can lie within, or everything."""
    if isinstance(value, str):
        return False
    low, high = value.min, value.max
    return (low is None and high is None) or (low is not None and high is not None and not low <= high)


def _has(item: CatalogueItem, name: str, value: str | _NumberRange) -> bool:
    found = item.facets.get(name, [])
    if isinstance(value, _NumberRange):
        return isinstance(found, str) and value.has(number_in(found))
    return value.casefold() in {each.casefold() for each in ([found] if isinstance(found, str) else found)}
