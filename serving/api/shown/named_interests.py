"""A user's interests by name: what the last events have in common, each fading by the half-life. No I/O.

The weight of a name at time t is `Σ preference · 2^(-(t - t_event) / half_life)` over those of the last 20 events whose
item has it among its facets, and over the words of the last statements. It fades for a reader as it does here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import msgspec

from penchant.times import rfc3339
from serving.state.user_state import UserState

__all__ = ()

_MOST, _MOST_EVIDENCE = 50, 5
_DAY_MS = 86_400_000

Facets = Mapping[str, str | list[str]]


class Evidence(msgspec.Struct, omit_defaults=True):
    """An event behind an interest. weight: what it counts now; below 0 it counts against."""

    event_id: str
    event_time: str
    weight: float
    item_id: str | None = None


class Interest(msgspec.Struct, omit_defaults=True):
    """name: a facet's value, or a word that the user wrote. weight: now; below 0: not wanted. evidence: most first."""

    name: str
    weight: float
    half_life_days: float
    evidence: list[Evidence]
    facet: str | None = None


class Interests(msgspec.Struct):
    """user_id: whose they are; who was merged into another has that one's. events: how many there were, in all."""

    user_id: str
    as_of: str
    events: int
    interests: list[Interest]


_Name = tuple[str | None, str]


def interests_of(
    user_id: str, state: UserState, facets_of: Callable[[str], Facets], half_life_days: float, now_ms: int
) -> Interests:
    """Strongest first, whether for or against; 50 at most."""
    found: dict[_Name, list[Evidence]] = defaultdict(list)
    for name, evidence in _evidence(state, facets_of, half_life_days * _DAY_MS, now_ms):
        found[name].append(evidence)
    made = [
        Interest(
            name=value,
            weight=_rounded(sum(each.weight for each in evidence)),
            half_life_days=half_life_days,
            evidence=sorted(evidence, key=lambda each: -abs(each.weight))[:_MOST_EVIDENCE],
            facet=facet,
        )
        for (facet, value), evidence in found.items()
    ]
    made.sort(key=lambda each: (-abs(each.weight), each.name))
    return Interests(user_id, rfc3339(now_ms), state.event_count, made[:_MOST])


def _evidence(
    state: UserState, facets_of: Callable[[str], Facets], half_life_ms: float, now_ms: int
) -> Iterator[tuple[_Name, Evidence]]:
    def faded(preference: float, time_ms: int) -> float:
        return _rounded(preference * 2.0 ** -max((now_ms - time_ms) / half_life_ms, 0.0))

    for event in state.ring:
        if event.item_id and event.preference and not event.retracted:
            weight = faded(event.preference, event.time_ms)
            told = Evidence(event.event_id, rfc3339(event.time_ms), weight, event.item_id)
            for name in _names(facets_of(event.item_id)):
                yield name, told
    for text in state.texts:
        for words, sign in ((text.words, 1.0), (text.spared, -1.0)):
            for word in words:
                weight = faded(sign * abs(text.preference) * word.weight, text.time_ms)
                if weight:
                    yield (None, word.word), Evidence(text.event_id, rfc3339(text.time_ms), weight)


def _names(facets: Facets) -> Iterator[_Name]:
    """Values that are no numbers: 9.99 is no interest."""
    for facet, values in facets.items():
        for value in dict.fromkeys([values] if isinstance(values, str) else values):
            if not is_number(value):
                yield facet, value


def is_number(value: str) -> bool:
    """Whether a facet's value is a number, by which nothing is named."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def _rounded(weight: float) -> float:
    return round(weight, 6)
