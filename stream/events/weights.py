"""What an action counts: the file that product people edit, read once and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np

from penchant.errors import Misconfigured
from serving.files import toml_files as edited

_PURCHASE = "purchase"
RATE = "rate"  # a click whose value is a rating: it is weighed by the ratings' table
_TEXTS = ("review", "statement")
_DOUBTFUL = 0.15  # sentiment from 0 to which, below it, a text need not blame
_LARGEST = 1000.0  # half precision ends at 65504, and one event should not drown a year of others


class Weight(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"covisit": "pair", "preference": "taste"}
):
    """covisit ≥ 0: what the event links items by. preference, signed: by what it moves the user's interest.

    In the file they are `pair` and `taste`. bought: whether the item is bought by it, or used up, which may come again
    after a time (serving/ranking/seen/repeats.py); None: as ships with the worker.
    """

    covisit: float
    preference: float
    bought: bool | None = None


@dataclass(frozen=True, slots=True)
class WeightRange:
    """How far a text may move a preference: to `lowest` if it blames without a doubt, to `highest` if it praises.

    blame: how much less than that it counts if it blames.
    """

    lowest: float
    highest: float
    blame: float = 0.0


def blamed(blame: float, liking: float) -> float:
    """What a review that blames takes from its preference: nothing from `liking` -.15 up, all of `blame` at -1.

    >>> [round(blamed(4.0, liking), 2) for liking in (0.5, -0.15, -0.575, -1.0)]
    [0.0, 0.0, 2.0, 4.0]
    """
    return blame * max(-liking - _DOUBTFUL, 0.0) / (1.0 - _DOUBTFUL)


class _Reviews(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blame: float = 4.0


class _WeightsFile(msgspec.Struct, forbid_unknown_fields=True):
    actions: dict[str, Weight]
    ratings: dict[str, Weight]
    reviews: _Reviews = _Reviews()


@dataclass(frozen=True, slots=True)
class Weights:
    """The two columns by action, and by stars 1 to 5. blame: what a review that blames takes from its preference."""

    actions: Mapping[str, Weight]
    ratings: Mapping[int, Weight]
    blame: float = 0.0

    def accepts(self, action: str) -> bool:
        """Whether an event on the clicks topic may have this type."""
        return action == RATE or (action in self.actions and action not in _TEXTS)

    def of(self, action: str, rating: float | None) -> Weight:
        """The weight of an event; an explicit rating (0 to 1) wins over its type."""
        if rating is not None:
            return self.ratings[1 + int(4 * rating + 0.5)]
        return self.actions[action]

    def buys(self, action: str) -> bool:
        """Whether an action says that the item was bought, or used up: `purchase` does, and what the file declares."""
        said = self.actions[action].bought if action in self.actions else None
        return action == _PURCHASE if said is None else said

    def of_review(self, rating: float) -> Weight:
        """The weight of a text with a rating (0 to 1): a low one pushes away, since its user says why."""
        weight = self.of("review", rating)
        return _rounded(Weight(weight.covisit, weight.preference - blamed(self.blame, 2.0 * rating - 1.0)))

    @property
    def weight_range(self) -> WeightRange | None:
        """Of a review without a rating: never beyond what a rating does. None if a column of its line is 0.

        For its place in the ring must not depend on its text, which may be known only later.
        """
        review = self.actions["review"]
        if not (review.covisit and review.preference):
            return None
        preferences = [review.preference, *(weight.preference for weight in self.ratings.values())]
        return WeightRange(min(preferences), max(preferences))


def load_weights(path: Path | None = None) -> Weights:
    """Read a weights file; without a path, the one that ships with the worker.

    Raises Misconfigured, naming what is wrong and where.
    """
    source = path or files("stream.events").joinpath("weights.toml")
    try:
        raw = edited.parse(edited.read_text(source), _WeightsFile)
    except (OSError, Misconfigured) as error:
        raise Misconfigured(f"the weights file {source} cannot be used: {error}") from error
    missing = [name for name in _TEXTS if name not in raw.actions]
    missing += [str(stars) for stars in range(1, 6) if str(stars) not in raw.ratings]
    if missing:
        raise Misconfigured(f"the weights file {source} says nothing of {', '.join(missing)}: add a line for each")
    for name, weight in [*raw.actions.items(), *raw.ratings.items()]:
        if not (0 <= weight.covisit <= _LARGEST and abs(weight.preference) <= _LARGEST):
            raise Misconfigured(
                f"in {source}, {name}: pair must be 0 to {_LARGEST:g}, taste -{_LARGEST:g} to {_LARGEST:g}"
            )
        if weight.bought and (name in raw.ratings or not weight.covisit):
            raise Misconfigured(f"in {source}, {name}: bought is for actions with a pair above 0")
    if not 0 <= raw.reviews.blame <= _LARGEST:
        raise Misconfigured(f"in {source}, reviews: blame must be 0 to {_LARGEST:g}")
    return Weights(
        {name: _rounded(weight) for name, weight in raw.actions.items()},
        {stars: _rounded(raw.ratings[str(stars)]) for stars in range(1, 6)},
        raw.reviews.blame,
    )


def _rounded(weight: Weight) -> Weight:
    """As the ring stores it, in half precision: what is subtracted later must be what was added."""
    return Weight(float(np.float16(weight.covisit)), float(np.float16(weight.preference)), weight.bought)
