"""The blend's weights: learned by the owner of user partition 0 from everybody's events, read by the others.

An event on covisits.v1 says what a user took and what stood in the ring before it: enough for a step. Lists are made
right after an event, so every step is one of that moment. It counts by the square of its co-visit weight, as what was
rated low was hardly wanted, and less of a user who does more than is usual. A step costs half a
millisecond; 100 a second are the most, and a twentieth of the time: where a step takes longer, on a large catalogue or
a busy machine, there are fewer.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import numpy as np

from penchant.errors import BrokenState, Misconfigured, Unavailable
from penchant.messages import CoVisitEvent
from serving.catalogue import Catalogue
from serving.ranking.ranker import Ranker
from serving.state.history import unpack
from serving.state.purchases import VISIT_S
from serving.state.user_state import COVISIT_UNIT, SEEN, EventKind, RingEvent, UserState
from stream.store.shared_blend import SharedBlend

_log = logging.getLogger(__name__)
_APART_S = 0.01
_SHARE = 0.05
_SAVED_UP_S = 0.1  # of steps not made, which may follow at once: 5 ms of the event loop


class BlendLearner:
    """Learns while `mine` says that user partition 0 is this worker's.

    apart_s: between the beginnings of two steps, at least. share: of the time, at most.
    """

    def __init__(
        self,
        ranker: Ranker,
        catalogue: Catalogue,
        mine: Callable[[], bool],
        apart_s: float = _APART_S,
        share: float = _SHARE,
    ) -> None:
        self._ranker = ranker
        self._catalogue = catalogue
        self._mine = mine
        self._apart_s = apart_s
        self._share = share
        self._random = np.random.default_rng()
        self._next_s = 0.0
        self._told = 0

    def learn(self, events: Sequence[CoVisitEvent]) -> None:
        """Learn from events that the item statistics have not applied yet: the newest, as many as it is time for."""
        if not self._mine():
            return
        for event in reversed(events):
            now_s = time.monotonic()
            if now_s < self._next_s:
                return
            if self._step(event):
                apart_s = max(self._apart_s, (time.monotonic() - now_s) / self._share)
                self._next_s = max(self._next_s, now_s - _SAVED_UP_S) + apart_s

    def _step(self, event: CoVisitEvent) -> bool:
        """Learn from one event, if it can be learned from: not what its user's earlier ones on the item have told."""
        taken = self._catalogue.find(event.item_id)
        if taken is None or not self._catalogue.available[taken] or not event.covisit:
            return False
        weight = (event.own or event.covisit) ** 2
        weight *= self._ranker.blend.share_of(event.nth, weight, event.time_ms)
        self._ranker.learn(before(event), taken, self._random, weight=weight)
        return True

    async def share(self, stored: SharedBlend, every_s: float) -> None:
        """Write the weights, if they are mine to learn, else read them; now and then, for ever."""
        while True:
            try:
                await self.exchange(stored)
            except (Unavailable, Misconfigured) as error:  # the store's own calls stop the worker; weights may be late
                _log.warning("the blend's weights were not shared: %s", error, extra={"action": "blend_share"})
            except BrokenState as error:
                _log.error("%s; this worker goes on with its own", error)
            await asyncio.sleep(every_s)

    async def exchange(self, stored: SharedBlend) -> None:
        """Once. Raises Unavailable, Misconfigured, and BrokenState if what stands there is not a blend's."""
        blend = self._ranker.blend
        if self._mine() and blend.steps:
            if blend.steps != self._told and await stored.write(blend.pack()):
                self._told = blend.steps
        elif (packed := await stored.read()) is not None:
            blend.unpack(packed)


def before(event: CoVisitEvent) -> UserState:
    """A user as the event tells: its interactions, everything in the ring liked as much as it links.

    What the user did to the item within the same visit is left out: view, cart and purchase are no repeat.
    """
    gaps_s = event.gaps_s or [0] * len(event.ring)
    ring = [
        RingEvent(-1000 * gap_s - age, str(age), age, item_id, EventKind.OTHER, weight, weight)
        for age, ((item_id, weight), gap_s) in enumerate(zip(event.ring, gaps_s, strict=True))
        if not (event.same_visit and item_id == event.item_id and gap_s <= VISIT_S)
    ]
    past = unpack(event.older_items)
    seen = np.zeros(len(past.items), SEEN)
    seen["item"], seen["covisit"] = past.items, np.rint(past.strengths / COVISIT_UNIT)
    return UserState(ring=ring[::-1], seen=seen)
