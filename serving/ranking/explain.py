"""Why an item is on a list: reasons in words, from its positive points, and explanations, which leave nothing out."""

from collections.abc import Sequence

import msgspec
import numpy as np

from penchant.messages import Reason
from serving.arrays import Doubles, Rows
from serving.catalogue import Catalogue
from serving.ranking.attribution import Attribution, ScoreTerm
from serving.ranking.phrases import EARLIER, Language, because
from serving.ranking.profile import SourceEvent
from serving.ranking.reasons import Evidence

__all__ = ["EventPoints", "Explanation"]

_MOST = 3  # reasons of one item
_LEAST_SHARE = 0.1  # a smaller one is named only if it is the largest, or the largest that an event has

_Told = list[tuple[str | None, str]]


class EventPoints(msgspec.Struct, frozen=True):
    """What one event of the user gives an item. `parts`: by the terms of the score; they sum to `points`."""

    event_id: str
    item_id: str
    time_ms: int
    words: str
    points: float
    parts: dict[str, float]


class Explanation(msgspec.Struct, frozen=True):
    """Where an item's score comes from. `parts` sum to it, and so do the events' points and `apart`.

    place: on the list that was asked for, from 1, None if it is not on it. kept_off: in words, why it is on no list, ""
    if it may be; `score` is what it would have. parts, apart: points by the terms of the score (`ScoreTerm`), in
    all and of no event; those that are 0 are left out. events: of the most points first.
    """

    item_id: str
    title: str
    place: int | None
    kept_off: str
    score: float
    parts: dict[str, float]
    events: list[EventPoints]
    apart: dict[str, float]


def explanations(points: Attribution, rows: Rows, catalogue: Catalogue, language: Language) -> list[Explanation]:
    """Of the items in `rows`, whose points these are; not told yet: their places, and what keeps them off lists."""
    return [
        _explanation(points.sources, points.table[:, at], catalogue.ids[row], catalogue, language)
        for at, row in enumerate(rows.tolist())
    ]


def _explanation(
    sources: list[SourceEvent], table: Doubles, item_id: str, catalogue: Catalogue, language: Language
) -> Explanation:
    """Of one item, `table`: `(len(ScoreTerm), s + 1)`."""
    events = [
        EventPoints(
            event_id=source.event_id,
            item_id=source.item_id,
            time_ms=source.time_ms,
            words=because(source, _title(source.item_id, catalogue), language),
            points=float(points.sum()),
            parts=_named(points),
        )
        for source, points in zip(sources, table.T[:-1], strict=True)
        if points.any()
    ]
    return Explanation(
        item_id=item_id,
        title=_title(item_id, catalogue),
        place=None,
        kept_off="",
        score=float(table.sum()),
        parts=_named(table.sum(axis=1)),
        events=sorted(events, key=lambda event: -event.points),
        apart=_named(table[:, -1]),
    )


def _named(points: Doubles) -> dict[str, float]:
    return {piece.name.lower(): value for piece, value in zip(ScoreTerm, points.tolist(), strict=True) if value}


def tell(sources: Sequence[SourceEvent], catalogue: Catalogue, language: Language) -> _Told:
    """Event id and words of each source, then of what was liked before them."""
    told: _Told = [
        (source.event_id, because(source, _title(source.item_id, catalogue), language)) for source in sources
    ]
    return [*told, (None, EARLIER[language])]


def reasons(evidence: Evidence, told: _Told, rest: Sequence[str]) -> list[list[Reason]]:
    """At least one reason for each item, the largest first; the shares of an item add up to at most 1.

    rest: `(r,)`, what is said of an item that nothing speaks for.
    """
    sums = evidence.sums[:, None]
    # Rounded down, so that shares never add up to more than 1.
    shares = np.floor(1000.0 * evidence.parts / np.maximum(sums, 1e-9)) / 1000.0
    order = np.argsort(-shares, axis=1, kind="stable")[:, :_MOST]
    events = [part for part, (event_id, _) in enumerate(told) if event_id is not None]
    return [
        _chosen(largest, values, events, [*told, (None, again), (None, crowd)])
        if values[largest[0]] > 0
        else [Reason(None, 0.0, otherwise)]
        for largest, values, again, crowd, otherwise in zip(
            order.tolist(), shares.tolist(), evidence.again, evidence.crowd, rest, strict=True
        )
    ]


def _chosen(largest: list[int], shares: list[float], events: list[int], told: _Told) -> list[Reason]:
    """The reasons of one item: those above the least share, the event that gave it most in any case."""
    chosen = [part for at, part in enumerate(largest) if shares[part] >= _LEAST_SHARE or at == 0]
    event = max(events, key=shares.__getitem__, default=None)
    if event is not None and shares[event] > 0 and event not in chosen:
        chosen = [*chosen[: _MOST - 1], event]
    return [Reason(told[part][0], shares[part], told[part][1]) for part in chosen]


def _title(item_id: str, catalogue: Catalogue) -> str:
    """The item's title, or its id if it has none or is gone."""
    item = catalogue.about(item_id) if item_id else None
    return item.title if item is not None and item.title else item_id
