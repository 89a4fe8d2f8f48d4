"""People whose clicks have nothing wrong with them: a few each second, over all partitions."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from penchant.partitioner import partition_of
from tests.support.system import System

EVERY_S = 0.25


@dataclass(slots=True)
class Bystanders:
    """`sent_s`: event id -> when it was sent."""

    system: System
    items: Sequence[str]
    sent_s: dict[str, float] = field(default_factory=dict)
    _next_s: float = 0.0

    def look(self) -> None:
        """Send the next click if it is time for it."""
        if time.monotonic() >= self._next_s:
            n = len(self.sent_s)
            self._next_s = time.monotonic() + EVERY_S
            user, event_id = self._user(n % self.system.partitions), f"bystander-{n}"
            self.sent_s[event_id] = time.monotonic()
            self.system.click(user, self.items[n % len(self.items)], event_id=event_id)

    def _user(self, partition: int) -> str:
        names = (f"bystander-{n}" for n in range(1000))
        return next(each for each in names if partition_of(each, self.system.partitions) == partition)

    def waits_ms(self, seen_s: dict[str, float], among: Sequence[str]) -> list[float]:
        """From sending to the list that names it; without one, infinite."""
        return [1000 * (seen_s.get(each, np.inf) - self.sent_s[each]) for each in among]
