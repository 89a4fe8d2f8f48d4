"""Stops the worker if a follower ended, as its lists would be stale without a sign, or if nothing moves."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from penchant.errors import Unavailable
from serving.kafka.follower import Follower
from stream.kafka.assignment import Consumer, Partitions
from stream.kafka.leader_epochs import LeaderEpochs
from stream.kafka.log_tail import LogTail
from stream.monitoring.watchdog import Watchdog
from stream.retry import Retries
from stream.tasks.flow_gate import FlowGate

_WATCH_EVERY_S = 2.0


@dataclass(frozen=True, kw_only=True)
class ProgressWatch:
    """See the module. user_topics: whose ends are compared with how far they are processed.

    on_lag: told how many records lie between. tail, epochs: whether the log still has what was read.
    """

    followers: Sequence[Follower]
    partitions: Partitions
    consumer: Consumer
    user_topics: Sequence[str]
    gate: FlowGate
    retries: Retries
    tail: LogTail
    epochs: LeaderEpochs
    on_lag: Callable[[int], None] = lambda _: None

    async def run(self) -> None:
        """Go on for ever. Raises what a follower ended by, Stuck, and Misconfigured if the log lost its end."""
        watchdog = Watchdog()
        while True:
            for follower in self.followers:
                if (error := follower.failed()) is not None:
                    raise error
            owned = self.partitions.owned
            reached = self.partitions.reached(owned).items()
            positions = {(tp.topic, tp.partition): offset for tp, offset in reached}
            with suppress(KafkaError):  # a broker that is away is somebody else's business: see retry.py
                stands = self.partitions.stands(owned)  # before the ends: they only grow
                ends = await self.followers[-1].ends(dict.fromkeys(self.user_topics, owned))
                await self.check_tail(stands, ends)
                await self.epochs.check()
                self.on_lag(sum(max(end - positions.get(where, 0), 0) for where, end in ends.items()))
                busy = not self.gate.open or self.retries.busy
                watchdog.look(time.monotonic(), positions, ends, busy=busy)
                await self.consumer.commit_passed()
            await asyncio.sleep(_WATCH_EVERY_S)

    async def check_tail(self, stands: Mapping[tuple[str, int], int], ends: Mapping[tuple[str, int], int]) -> None:
        """See `LogTail.check`. A broker that is away is asked again later."""
        with suppress(Unavailable):
            await self.tail.check(stands, ends)

    async def look_at_tail(self, owned: Collection[int]) -> None:
        """The same for partitions that were just taken over, before anything is read of them."""
        stands = self.partitions.stands(owned)
        if not stands:
            return
        with suppress(KafkaError):
            ends = await self.followers[-1].ends(dict.fromkeys(self.user_topics, owned))
            await self.check_tail(stands, ends)
