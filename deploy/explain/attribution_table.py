"""Explanations as a table for people: an item's parts, then its events, each with its points."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from serving.ranking.reasons.phrases import MORE, TERMS, Language
from serving.ranking.reasons.told import EventPoints, Explanation
from serving.terminal.printing import console, theirs

_SHOWN = 0.05  # points of an event; those of fewer are summed up in one line
_NAMED = 0.005  # points of a part; what rounds to 0.00 is not named


def print_explanations(user: str, items: Sequence[Explanation], language: Language) -> None:
    """Print them, best first."""
    table = Table(title=theirs(user), title_justify="left")
    table.add_column("#", justify="right")
    table.add_column("item", overflow="fold", ratio=2)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("from", overflow="fold", ratio=5)
    for item in items:
        for row in _rows_of(item, language):
            table.add_row(*map(theirs, row))
        table.add_section()
    console().print(table)


def _rows_of(item: Explanation, language: Language) -> list[tuple[str, str, str, str]]:
    """The lines of one item: its parts, its events by points, and what belongs to no event."""
    words = TERMS[language]
    rows = [(_place(item), item.title or item.item_id, f"{item.score:.2f}", _parts(item.parts, words))]
    if item.kept_off:
        rows.append(("", "", "", item.kept_off))
    shown = [event for event in item.events if abs(event.points) >= _SHOWN]
    rows += [("", "", f"{event.points:+.2f}", _words(event)) for event in shown]
    if rest := [event.points for event in item.events if abs(event.points) < _SHOWN]:
        rows.append(("", "", f"{sum(rest):+.2f}", MORE[language].format(n=len(rest))))
    rows += [("", "", f"{points:+.2f}", words[part]) for part, points in item.apart.items() if abs(points) >= _NAMED]
    return rows


def _words(event: EventPoints) -> str:
    """A statement names no item, so its id tells it from others."""
    return event.words if event.item_id else f"{event.words} ({event.event_id})"


def _place(item: Explanation) -> str:
    return "-" if item.place is None else str(item.place)


def _parts(parts: Mapping[str, float], words: Mapping[str, str]) -> str:
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    return ", ".join(f"{words[part]} {points:+.2f}" for part, points in ordered if abs(points) >= _NAMED)
