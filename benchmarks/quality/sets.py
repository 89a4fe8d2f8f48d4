"""Data sets as the benchmarks read them: gzip'd JSON lines of items, of events, and of next-item cases."""

import gzip
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stream.weights import Weight, Weights

Row = Mapping[str, Any]
Positive = Callable[[Row], bool]

NO_TIME_MS = -1
_NOTHING = "(no genres listed)"  # as MovieLens writes it


@dataclass(frozen=True, slots=True)
class Item:
    """An item as a producer would publish it. `time_ms`: since when it exists, or `NO_TIME_MS`."""

    item_id: str
    title: str
    text: str
    facets: dict[str, str | list[str]]
    time_ms: int


@dataclass(frozen=True, slots=True)
class Event:
    """Somebody touched the item in `row`. `positive`: whether methods are asked for it before."""

    user: str
    row: int
    time_ms: int
    weight: Weight
    positive: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A next-item case: the rows of what the user touched before, oldest first, and of the target."""

    seq: int
    test: bool
    user: str
    history: list[int]
    row: int


def read_items(file: Path) -> list[Item]:
    """The items of a file, in its order."""
    return [_item(row) for row in _rows(file)]


def read_cases(file: Path, rows: Mapping[str, int]) -> list[Case]:
    """The cases of a file by `seq`. `rows`: item id -> row."""
    cases = [
        Case(
            case["seq"], case["split"] == "test", case["user"], [rows[i] for i in case["history"]], rows[case["target"]]
        )
        for case in _rows(file)
    ]
    return sorted(cases, key=lambda case: case.seq)


def read_events(file: Path, rows: Mapping[str, int], positive: Positive, weights: Weights, seed: int) -> list[Event]:
    """The events of a file on known items, by time, ties shuffled by `seed`."""
    found = [row for row in _rows(file) if row["item"] in rows]
    order = np.lexsort((np.random.default_rng(seed).random(len(found)), [row["ts"] for row in found]))
    return [
        Event(row["user"], rows[row["item"]], int(row["ts"] * 1000), _weight(row, positive, weights), positive(row))
        for row in (found[place] for place in order)
    ]


def positive_by(rule: str | None) -> Positive:
    """What counts as positive: `rating>=4`, `label=fresh`, `type=answer,favorite`; without a rule everything.

    Raises ValueError, naming what was expected.
    """
    if rule is None:
        return lambda row: True
    field, sign, value = rule.partition(">=") if ">=" in rule else rule.partition("=")
    if not (field and sign and value):
        raise ValueError(f"{rule!r}: write FIELD>=NUMBER or FIELD=VALUE[,VALUE]")
    if sign == ">=":
        least = float(value)
        return lambda row: row.get(field) is not None and float(row[field]) >= least
    values = set(value.split(","))
    return lambda row: operator.contains(values, str(row.get(field)))


def _item(row: Row) -> Item:
    facets: dict[str, str | list[str]] = {}
    for name, field in (("genre", "genres"), ("category", "tags"), ("brand", "brand"), ("director", "director")):
        if row.get(field) and row[field] != [_NOTHING]:
            facets[name] = row[field]
    time_ms = int(row["ts"] * 1000) if row.get("ts") is not None else NO_TIME_MS
    return Item(row["item"], row.get("title") or "", row.get("text") or "", facets, time_ms)


def _weight(row: Row, positive: Positive, weights: Weights) -> Weight:
    """A rating by its stars; a label as liked or not; else a review if something was written, or a like."""
    if row.get("rating") is not None:
        return weights.of("rate", min(max((float(row["rating"]) - 1.0) / 4.0, 0.0), 1.0))
    if row.get("label") is not None:
        return weights.of("like", None) if positive(row) else weights.of("rate", 0.25)
    return weights.of("review" if row.get("text") else "like", None)


def _rows(file: Path) -> Iterator[Row]:
    with gzip.open(file) as lines:
        yield from map(msgspec.json.decode, lines)
