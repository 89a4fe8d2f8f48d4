"""What the states must be: the same events added up in memory, from the definition and in no order.

Nothing of the product's folding, retracting or forgetting is used here, but the weights file, the encoder and the
items' vectors, which are its input.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.state.user_state import RECENT_TEXTS, RING, Vector, item_hash
from stream.events.weights import Weight, Weights
from tests.faults.load import Load, LoadEvent

HALF_LIFE_MS = 30 * 86_400_000
RingEntry = tuple[str, str, bool]  # event id, item id, whether it was retracted


@dataclass(frozen=True)
class Expected:
    """One user's state. seen, shown, bought: how often each item counts, by its hash.

    pulls: what the long vector sums up.
    """

    ring: list[RingEntry]
    texts: list[tuple[str, bool]]
    seen: Mapping[int, int]
    shown: Mapping[int, int]
    bought: Mapping[int, int]
    pulls: list[tuple[int, float, Vector]]

    def long(self, reference_ms: int) -> npt.NDArray[np.float64]:
        """The decayed sum as it stands at a time, `(d,) float64`; `(1,)` of zero if nothing adds to it."""
        shares = (
            preference * 2.0 ** ((time_ms - reference_ms) / HALF_LIFE_MS) for time_ms, preference, _ in self.pulls
        )
        terms = [share * vector.astype(np.float64) for share, (*_, vector) in zip(shares, self.pulls, strict=True)]
        return np.sum(terms, axis=0) if terms else np.zeros(1)

    @property
    def reach(self) -> float:
        """The sum of |preference|: what rounding is measured by."""
        return sum(abs(preference) for _, preference, _ in self.pulls)


@dataclass(frozen=True)
class Oracle:
    """items: id -> vector as published. embed: a text's vector; both `(d,) float32`. liking: of a text, -1 to 1."""

    weights: Weights
    items: Mapping[str, Vector]
    embed: Callable[[str], Vector]
    liking: Callable[[str], float] = lambda _: 0.0

    def states(self, load: Load) -> dict[str, Expected | None]:
        """What the state of each user who was not merged must be; None: there must be none."""
        by_user: dict[str, list[LoadEvent]] = {}
        for event in sorted(load.events, key=lambda each: (each.time_ms, each.event_id)):
            by_user.setdefault(load.person(event.user), []).append(event)
        return {
            user: None if user in load.erased else self._state(events, load.retracted)
            for user, events in by_user.items()
        }

    def _state(self, events: list[LoadEvent], retracted: frozenset[str]) -> Expected:
        weighed = [(event, self.weight(event)) for event in events]
        counting = [(event, weight) for event, weight in weighed if event.event_id not in retracted]
        ring = [event for event, weight in weighed if weight.covisit or weight.preference][-RING:]
        texts = [event for event in events if event.text is not None][-RECENT_TEXTS:]
        interacted = [(event.action == "impression", item_hash(event.item)) for event, _ in counting if event.item]
        return Expected(
            ring=[(event.event_id, event.item or "", event.event_id in retracted) for event in ring],
            texts=[(event.event_id, event.event_id not in retracted) for event in texts],
            seen=Counter(item for impression, item in interacted if not impression),
            shown=Counter(item for impression, item in interacted if impression),
            bought=Counter(item_hash(event.item) for event, _ in counting if event.item and event.action == "purchase"),
            pulls=[
                (event.time_ms, weight.preference, self._direction(event))
                for event, weight in counting
                if weight.preference
            ],
        )

    def weight(self, event: LoadEvent) -> Weight:
        """What an event counts; a review without a rating goes towards the best or the worst rating."""
        rating = (event.rating - 1) / 4 if event.rating is not None else None
        weight = self.weights.of(event.action, rating)
        if event.action != "review" or event.text is None:
            return weight
        if rating is not None:
            return Weight(weight.covisit, weight.preference - self._blamed(2.0 * rating - 1.0))
        liking, preferences = self.liking(event.text), [each.preference for each in self.weights.ratings.values()]
        end = max(preferences) if liking > 0 else min(preferences)
        moved = weight.preference + abs(liking) * (end - weight.preference)
        return Weight(weight.covisit, moved - self._blamed(liking))

    def _blamed(self, liking: float) -> float:
        """What a text that blames takes from its preference."""
        return self.weights.blame * max(-liking - 0.15, 0.0) / 0.85

    def _direction(self, event: LoadEvent) -> Vector:
        """The item, the text, or half of each."""
        vectors = [self.items[event.item]] if event.item is not None else []
        vectors += [self.embed(event.text)] if event.text is not None else []
        return np.asarray(np.mean(vectors, axis=0), np.float32)
