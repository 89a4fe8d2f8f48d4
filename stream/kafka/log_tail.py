"""Finds that a broker has lost the end of its log, by a host's crash or an unclean election.

The store stands at offset 10, the log ends at 5: what comes next lies at 5 to 9, and would be taken for a repetition of
what was read before. No list would tell of it, and the lag would be 0.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

from penchant.errors import Misconfigured
from penchant.topics import Topics
from serving.kafka.admin import ends_by_fetches, topic_identity
from serving.kafka.brokers import AnyBrokers

__all__ = ["LogTail", "ends_of_the_same"]

_SETTLES_S = 1.0
Place = tuple[str, int]  # topic and partition


class LogTail:
    """ends: where partitions end, as fetches tell; blocks. Asked where ListOffsets tells of less than was read.

    The embedded broker answers ListOffsets too low, by up to a batch. settles_s: until a new leader knows what all
    replicas have.
    """

    def __init__(self, ends: Callable[[Collection[Place]], Mapping[Place, int]], settles_s: float = _SETTLES_S) -> None:
        self._ends = ends
        self._settles_s = settles_s
        self._too_low: dict[Place, int] = {}  # answers that were found to be that

    async def check(self, stands: Mapping[Place, int], listed: Mapping[Place, int]) -> None:
        """Compare where the store stands with where partitions end, as ListOffsets told a moment ago.

        Raises Misconfigured if a partition ends before, and what `ends` raises.
        """
        doubtful = {
            place
            for place, offset in stands.items()
            if listed.get(place, offset) < offset and listed[place] != self._too_low.get(place)
        }
        if not doubtful:
            return
        ends = await asyncio.to_thread(self._ends, doubtful)
        if any(ends[place] < stands[place] for place in doubtful):
            await asyncio.sleep(self._settles_s)
            ends = await asyncio.to_thread(self._ends, doubtful)
        for place in sorted(doubtful):
            if ends[place] < stands[place]:
                raise Misconfigured(_lost(place, ends[place], stands[place]))
            self._too_low[place] = listed[place]


def ends_of_the_same(
    brokers: AnyBrokers, topics: Topics, identities: Mapping[str, str], places: Collection[Place]
) -> Mapping[Place, int]:
    """Where partitions end, as fetches tell, of the topics that have these identities; blocks.

    Raises Misconfigured if others have their names by now, which end early but lost nothing; and Unavailable.
    """
    now = topic_identity(brokers, topics)
    if anew := sorted({topic for topic, _ in places if now[topic] != identities[topic]}):
        raise Misconfigured(
            f"{', '.join(anew)} were created again while the store was kept, and their events would be skipped up to "
            "where those of before were read: see `penchant topics adopt` (docs/running.md, Topics created again)"
        )
    return ends_by_fetches(brokers, places)


def _lost(place: Place, end: int, stands: int) -> str:
    topic, partition = place
    return (
        f"partition {partition} of {topic} ends at offset {end}, and was read up to {stands}: the broker has lost the "
        "end of its log, and new events would be taken for old ones; see `penchant topics adopt --lost-since` "
        "(docs/running.md, A log that lost its end)"
    )
