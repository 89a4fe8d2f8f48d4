"""Adaptation lag: how many events it takes until half of a list is from a new interest.

Two real users with different main genres are joined: 20 events in a row of the one, then 20 of the other. The lag is
how many of the second ones it takes until at least 5 of the first 10 items are of their main genre.

An event is in one pair only: else methods would have learned from earlier pairs what comes next in this one. The second
one's events are moved behind the first one's in time: events that come late belong before those, and change no list.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.quality.methods import Method
from evaluation.prequential.data_sets import DatasetEvent
from evaluation.prequential.steps import Step
from serving.arrays import Mask
from serving.ranking.ranker import TOP

JOINED = 20
_HALF = TOP // 2

Genres = Sequence[frozenset[str]]
JoinedPair = tuple[list[DatasetEvent], list[DatasetEvent], str]  # and the main genre of the second ones


def pairs_of(
    events: Sequence[DatasetEvent], genres: Genres, n: int, seed: int, joined: int = JOINED
) -> list[JoinedPair]:
    """At most `n` pairs of `joined` positive events each, and the main genre of the second ones; drawn by `seed`."""
    by_user: dict[str, list[DatasetEvent]] = defaultdict(list)
    for event in events:
        if event.positive:
            by_user[event.user].append(event)
    usual = Counter(genre for each in genres for genre in each)
    parts = [own[at - joined : at] for own in by_user.values() for at in range(len(own), joined - 1, -joined)]
    known = [(part, genre) for part in parts if (genre := _main_genre(part, genres, usual)) is not None]
    left = [known[place] for place in np.random.default_rng(seed).permutation(len(known)).tolist()]
    found: list[JoinedPair] = []
    while left and len(found) < n:
        one, genre = left.pop()
        others = (place for place, other in enumerate(left) if other[1] != genre and other[0][0].user != one[0].user)
        place = next(others, None)
        if place is not None:
            other, wanted = left.pop(place)
            found.append((one, _behind(one[-1].time_ms, other), wanted))
    return found


def _main_genre(events: Sequence[DatasetEvent], genres: Genres, usual: Mapping[str, int]) -> str | None:
    """The genre that a user interacts with most beyond what is usual; None if none is in half of the events."""
    own = Counter(genre for event in events for genre in genres[event.row])
    often = [genre for genre, count in own.items() if 2 * count >= len(events)]
    return max(often, key=lambda genre: own[genre] / usual[genre], default=None)


def lags(methods: Sequence[Method], user: str, joined: JoinedPair, genres: Genres) -> list[int]:
    """The lag of one pair by each method, one more than there are events if a list does not follow within them.

    All take in an event before any is asked, since some share what they learn.
    """
    first, second, wanted = joined
    never = len(second) + 1
    found = [never] * len(methods)
    mask = np.ones(len(genres), np.bool_)
    for place, event in enumerate([*first, *second], 1 - len(first)):
        step = Step(replace(event, user=user), idle=0.0, candidates=mask.copy())
        for method in methods:
            method.learn(step)
        mask[event.row] = False
        for number, method in enumerate(methods):
            if place >= 1 and found[number] == never and _turned(method, step, mask, (wanted, genres)):
                found[number] = place
    return found


def _turned(method: Method, step: Step, mask: Mask, interest: tuple[str, Genres]) -> bool:
    """Whether half of the list is from the interest now, of what `mask` leaves."""
    wanted, genres = interest
    scores = method.score(replace(step, candidates=mask), method.settings[0])
    best = np.argsort(-np.where(mask, scores, -np.inf), kind="stable")[:TOP]
    return sum(wanted in genres[row] for row in best.tolist()) >= _HALF


def _behind(time_ms: int, events: Sequence[DatasetEvent]) -> list[DatasetEvent]:
    """The same events, moved as a whole to after that time if the first of them is not."""
    later_ms = max(0, time_ms + 1 - events[0].time_ms)
    return [replace(event, time_ms=event.time_ms + later_ms) for event in events]
