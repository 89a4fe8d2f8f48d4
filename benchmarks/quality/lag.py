"""Adaptation lag: how many events it takes until half of a list is from a new interest.

Two real users with different main genres are joined: the last 20 events of the one, then those of the other. The lag is
the number of the second one's events after which at least 5 of the first 10 items are of that one's main genre.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.quality.methods import Method, Step
from benchmarks.quality.sets import Event

JOINED = 20
TOP, HALF = 10, 5
NEVER = JOINED + 1

Genres = Sequence[frozenset[str]]


def pairs_of(events: Sequence[Event], genres: Genres, n: int, seed: int) -> list[tuple[list[Event], list[Event], str]]:
    """`n` pairs of users' last 20 positive events each, and the second one's main genre."""
    by_user: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.positive:
            by_user[event.user].append(event)
    usual = Counter(genre for each in genres for genre in each)
    lasts = [own[-JOINED:] for own in by_user.values() if len(own) >= JOINED]
    known = [(own, genre) for own in lasts if (genre := main_genre(own, genres, usual)) is not None]
    random = np.random.default_rng(seed)
    found: list[tuple[list[Event], list[Event], str]] = []
    while len(found) < n and len({genre for _, genre in known}) > 1:
        one, other = (known[place] for place in random.integers(0, len(known), 2).tolist())
        if one[1] != other[1]:
            found.append((one[0], *other))
    return found


def main_genre(events: Sequence[Event], genres: Genres, usual: Mapping[str, int]) -> str | None:
    """The genre that a user touches most beyond what is usual; None if none is in half of the events."""
    own = Counter(genre for event in events for genre in genres[event.row])
    often = [genre for genre, count in own.items() if 2 * count >= len(events)]
    return max(often, key=lambda genre: own[genre] / usual[genre], default=None)


def lag(method: Method, setting: float, user: str, joined: tuple[list[Event], list[Event], str], genres: Genres) -> int:
    """The lag of one pair, `NEVER` if the list does not follow within the 20 events."""
    first, second, wanted = joined
    mine: set[int] = set()
    for place, event in enumerate([*first, *second]):
        mask = np.ones(len(genres), np.bool_)
        mask[list(mine)] = False
        method.learn(Step(replace(event, user=user), idle=0.0, candidates=mask))
        mine.add(event.row)
        mask[event.row] = False
        if place >= len(first):
            scores = method.score(Step(replace(event, user=user), idle=0.0, candidates=mask), setting)
            best = np.argsort(-np.where(mask, scores, -np.inf), kind="stable")[:TOP]
            if sum(wanted in genres[row] for row in best.tolist()) >= HALF:
                return place - len(first) + 1
    return NEVER
