"""What is told of the items that somebody asks about: explained, or put in a user's order."""

import msgspec

from penchant.messages import ListItem


class Candidate(ListItem, gc=False):
    """An item that somebody asked about. kept_off: in words, why it is on no list, "" if it may be on one.

    score: what it would have.
    """

    kept_off: str = ""


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
    if it may be; `score` is what it would have. parts, apart: points by the terms of the score (`ScoreTerm` of
    serving/ranking/reasons/score_terms.py), in all and of no event; those that are 0 are left out. events: of the most
    points first.
    """

    item_id: str
    title: str
    place: int | None
    kept_off: str
    score: float
    parts: dict[str, float]
    events: list[EventPoints]
    apart: dict[str, float]
