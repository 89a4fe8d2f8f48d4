"""Why an item is on a list: reasons in words, from its positive points, and explanations, which leave nothing out."""

from penchant.messages import Reason
from serving.arrays import Doubles, Rows
from serving.catalogue import Catalogue
from serving.ranking.profile import SourceEvent
from serving.ranking.reasons.attribution import Attribution
from serving.ranking.reasons.phrases import AGAIN, CODES, CROWD, EARLIER, Language, because, code_of
from serving.ranking.reasons.score_terms import ScoreTerm
from serving.ranking.reasons.told import EventPoints, Explanation
from serving.ranking.seen.seen_items import SeenItems

__all__ = ()

_Told = tuple[str | None, str, str]


def explanations(points: Attribution, rows: Rows, catalogue: Catalogue, language: Language) -> list[Explanation]:
    """Of the items in `rows`, whose points these are; not told yet: their places, and what keeps them off lists."""
    return [
        _explanation(points.sources, points.table[at], catalogue.ids[row], catalogue, language)
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


class ReasonWriter:
    """Puts reasons in words, in one language; of each event once."""

    def __init__(self, points: Attribution, seen: SeenItems, catalogue: Catalogue, language: Language) -> None:
        self._points = points
        self._seen = seen
        self._catalogue = catalogue
        self._language = language
        self._told: list[_Told | None] = [*(None for _ in points.sources), without_event(EARLIER[language])]

    def of(self, rows: Rows) -> list[list[Reason]]:
        """Of each of the items that were attributed, by its largest parts."""
        known, of_events = self._told, len(self._told)
        written = []
        chosen, shares = self._points.chosen.tolist(), self._points.shares.tolist()
        for at, row in enumerate(rows.tolist()):
            reasons = []
            for part, share in zip(chosen[at], shares[at], strict=True):
                if part < 0:
                    break
                told = (known[part] or self._event(part)) if part < of_events else self._apart(at, row, part)
                reasons.append(Reason(told[0], share, told[1], told[2]))
            written.append(reasons)
        return written

    def _event(self, part: int) -> _Told:
        source = self._points.sources[part]
        words = because(source, _title(source.item_id, self._catalogue), self._language)
        self._told[part] = told = (source.event_id, words, code_of(source))
        return told

    def _apart(self, at: int, row: int, part: int) -> _Told:
        if part == len(self._told):
            return without_event(AGAIN[self._language]["own" if row in self._seen.own else "usual"])
        return without_event(CROWD[self._language][self._points.crowd[at]])


def without_event(words: str) -> _Told:
    """A reason that names no event, by its words: no id, these, and their code."""
    return (None, words, CODES[words])


def _title(item_id: str, catalogue: Catalogue) -> str:
    """The item's title, or its id if it has none or is gone."""
    item = catalogue.about(item_id) if item_id else None
    return item.title if item is not None and item.title else item_id
