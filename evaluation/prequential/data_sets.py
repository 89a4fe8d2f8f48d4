"""Data sets as the benchmarks read them: lines of items, of events, and of next-item cases, by time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evaluation.prequential.positives import Feedback, Positive, Scale, scale_of
from evaluation.prequential.set_lines import DatasetLine, lines_of
from penchant.errors import Misconfigured
from serving.model.texts import clean
from stream.events.weights import Weight, Weights

__all__ = [
    "NO_TIME_MS",
    "DatasetEvent",
    "DatasetItem",
    "EventLog",
    "read_cases",
    "read_events",
    "read_items",
    "rows_of",
]

NO_TIME_MS = -1
_NOTHING = "(no genres listed)"  # as MovieLens writes it
_FACETS = (("genre", "genres"), ("category", "tags"), ("brand", "brand"), ("director", "director"))


@dataclass(frozen=True, slots=True)
class DatasetItem:
    """An item as a producer would publish it. `time_ms`: since when it exists, or `NO_TIME_MS`."""

    item_id: str
    title: str
    text: str
    facets: dict[str, str | list[str]]
    time_ms: int


@dataclass(frozen=True, slots=True)
class DatasetEvent:
    """An interaction with the item in `row`. `positive`: whether methods are asked for it before.

    text: what was written, cleaned, "" if nothing was or it was not asked for.
    """

    user: str
    row: int
    time_ms: int
    weight: Weight
    positive: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class EventLog:
    """The events of a set, by time. unknown: how many were left out, on items that are not among the set's.

    timed: whether the file has times; without, events are a second apart. scale: of the ratings.
    """

    events: list[DatasetEvent]
    unknown: int
    timed: bool
    scale: Scale


@dataclass(frozen=True, slots=True)
class Case:
    """A next-item case: the rows of the user's earlier items, oldest first, and of the target."""

    seq: int
    test: bool
    user: str
    history: list[int]
    row: int


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of a set by `seq`. unknown: how many were left out, on targets that are not among the set's items."""

    cases: list[Case]
    unknown: int


def read_items(file: Path) -> list[DatasetItem]:
    """The items of a file in its order; of lines with the same id the last one counts, at the place of the first."""
    found = {item.item_id: item for item in map(_item, lines_of(file))}
    if not found:
        raise Misconfigured(f"{file} has no items: give the file that lists them, one JSON object a line")
    return list(found.values())


def read_cases(file: Path, rows: Mapping[str, int], split: str) -> Cases:
    """The cases of a file, those of `split` measured. `rows`: item id -> row; other items of a history are skipped.

    For `test` everything before is learned from. For `valid` its second half is measured and no test case is read.
    """
    read = [(line, _split(line)) for line in lines_of(file)]
    seqs = [_seq(line, index) for index, (line, _) in enumerate(read)]
    order = [index for index in np.argsort(seqs, kind="stable").tolist() if split == "test" or read[index][1] != "test"]
    wanted = [index for index in order if read[index][1] == split]
    measured = set(wanted if split == "test" else wanted[len(wanted) // 2 :])
    if not measured:
        raise Misconfigured(f"{file} has no cases of the split {split!r}: their field `split` says which they are of")
    found = []
    for index in order:
        line = read[index][0]
        target = rows.get(line.id_of("target"))
        if target is not None:
            history = [rows[item] for item in _history(line) if item in rows]
            found.append(Case(seqs[index], index in measured, line.id_of("user"), history, target))
    return Cases(found, len(order) - len(found))


def read_events(
    file: Path, rows: Mapping[str, int], positive: Positive, weights: Weights, seed: int, *, texts: bool = False
) -> EventLog:
    """The events of a file by time, those of the same time shuffled by `seed`; in its order if it has no times.

    `rows`: item id -> row; events on other items are left out. texts:
    whether what was written is kept. Raises Misconfigured if nothing is left to measure.
    """
    kept: list[tuple[str, int, Feedback, str]] = []
    seconds: list[float] = []
    unknown, fields = 0, set[str]()
    for line in lines_of(file):
        fields |= line.fields.keys()
        row = rows.get(line.id_of("item"))
        if row is None:
            unknown += 1
            continue
        kept.append((line.id_of("user"), row, _feedback(line, positive), clean(line.text_of("text")) if texts else ""))
        time = line.seconds()
        seconds.append(np.nan if time is None else time)
    if not kept:
        raise Misconfigured(f"{file} has no events on items of the set ({unknown:,} on others): are the ids the same?")
    if not any(feedback.positive for _, _, feedback, _ in kept):
        raise Misconfigured(f"--positive fits no event of {file}; events have the fields {', '.join(sorted(fields))}")
    scale = scale_of([feedback.rating for _, _, feedback, _ in kept if feedback.rating is not None])
    times, timed = _filled(np.array(seconds))
    ties = np.random.default_rng(seed).random(len(kept))
    found = [
        DatasetEvent(user, row, int(times[index] * 1000), feedback.weight(weights, scale), feedback.positive, text)
        for index in np.lexsort((ties, times)).tolist()
        for user, row, feedback, text in (kept[index],)
    ]
    return EventLog(found, unknown, timed, scale)


def _filled(seconds: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], bool]:
    """Times without gaps, and whether there were any: what has none happens with the line before it.

    >>> _filled(np.array([np.nan, 5.0, np.nan, 7.0]))[0].tolist(), _filled(np.array([np.nan, np.nan]))
    ([5.0, 5.0, 5.0, 7.0], (array([0., 1.]), False))
    """
    known = np.isfinite(seconds)
    if not known.any():
        return np.arange(len(seconds), dtype=np.float64), False
    last = np.maximum.accumulate(np.where(known, np.arange(len(seconds)), int(known.argmax())))
    return seconds[last], True


def rows_of(items: Sequence[DatasetItem]) -> dict[str, int]:
    """Item id -> row."""
    return {item.item_id: row for row, item in enumerate(items)}


def _item(line: DatasetLine) -> DatasetItem:
    facets: dict[str, str | list[str]] = {}
    for name, field in _FACETS:
        values = [value for value in line.texts_of(field) if value != _NOTHING]
        if values:
            facets[name] = values
    seconds = line.seconds()
    time_ms = NO_TIME_MS if seconds is None else int(seconds * 1000)
    return DatasetItem(line.id_of("item"), line.text_of("title"), line.text_of("text"), facets, time_ms)


def _feedback(line: DatasetLine, positive: Positive) -> Feedback:
    return Feedback(
        rating=line.number_of("rating"),
        labelled=line.fields.get("label") is not None,
        written=bool(line.text_of("text")),
        positive=positive(line.fields),
    )


def _split(line: DatasetLine) -> str:
    return str(line.fields.get("split") or "test")


def _seq(line: DatasetLine, index: int) -> int:
    seq = line.number_of("seq")
    return index if seq is None else int(seq)


def _history(line: DatasetLine) -> Iterator[str]:
    items = line.fields.get("history") or []
    if not isinstance(items, list):
        raise Misconfigured(f"{line.where}: history is {items!r}, but should be a list of item ids, oldest first")
    for item in items:
        yield DatasetLine(line.where, {"history": item}).id_of("history")
