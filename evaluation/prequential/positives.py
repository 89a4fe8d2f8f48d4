"""What an event of a set counts, and whether it is looked for: rules on its fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.prequential.set_lines import number
from penchant.errors import Misconfigured
from stream.events.weights import Weight, Weights

__all__ = ["positive_by"]

Positive = Callable[[Mapping[str, Any]], bool]
Scale = tuple[float, float]

_TOPS = ((1.0, 0.0), (5.0, 1.0), (10.0, 1.0), (100.0, 0.0))  # of usual scales, and where these begin
_DISLIKED = 0.25  # two stars of five


def positive_by(rule: str | None) -> Positive:
    """What counts as positive: `rating>=4`, `label=fresh`, `type=answer,favorite`; without a rule everything.

    Raises Misconfigured, naming what was expected.
    """
    if rule is None:
        return lambda fields: True
    field, sign, value = rule.partition(">=") if ">=" in rule else rule.partition("=")
    field, values = field.strip(), {each.strip() for each in value.split(",")} - {""}
    if not (field.isidentifier() and sign and values):
        raise Misconfigured(f"--positive {rule!r}: write FIELD>=NUMBER or FIELD=VALUE[,VALUE]")
    if sign == "=":
        return lambda fields: _spelled(fields.get(field)) in values
    least = number(value.strip())
    if least is None:
        raise Misconfigured(f"--positive {rule!r}: {value.strip()!r} is no number; write FIELD>=NUMBER")
    return lambda fields: (found := number(fields.get(field))) is not None and found >= least


def _spelled(value: object) -> str:
    """A value as it is written in a rule.

    >>> [_spelled(value) for value in ("fresh", 1, 1.0, 0.5, True, None)]
    ['fresh', '1', '1', '0.5', 'true', '']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def scale_of(ratings: list[float]) -> Scale:
    """The scale that ratings are on: the smallest usual one that reaches their largest.

    >>> [scale_of(each) for each in ([0.5, 5.0], [1.0, 10.0], [0.0, 1.0], [-10.0, 10.0], [3.0, 4e5], [])]
    [(1.0, 5.0), (1.0, 10.0), (0.0, 1.0), (-10.0, 10.0), (3.0, 400000.0), (1.0, 5.0)]
    """
    if not ratings:
        return 1.0, 5.0
    low, high = min(ratings), max(ratings)
    top, bottom = next(((top, bottom) for top, bottom in _TOPS if high <= top), (high, low))
    return min(bottom, low) if low < 0 else bottom, top


@dataclass(frozen=True, slots=True)
class Feedback:
    """What an event says of its item: a rating, a label (positive or not), a text, or only an interaction."""

    rating: float | None
    labelled: bool
    written: bool
    positive: bool

    def weight(self, weights: Weights, scale: Scale) -> Weight:
        """By the rating; a positive label as a like, another as two stars of five; else as a review or a like."""
        if self.rating is not None:
            low, high = scale
            return weights.of("rate", float(np.clip((self.rating - low) / max(high - low, 1e-9), 0.0, 1.0)))
        if self.labelled:
            return weights.of("like", None) if self.positive else weights.of("rate", _DISLIKED)
        return weights.of("review" if self.written else "like", None)
