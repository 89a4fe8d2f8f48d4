"""Item statistics of one worker: taken over from the last snapshot, followed, and snapshot by partition 0's owner."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from penchant.errors import BrokenState, Misconfigured
from penchant.messages import CoVisitEvent
from serving.kafka.follower import Follower
from serving.ranking import snapshots
from serving.ranking.covisit_messages import read_covisits
from serving.ranking.ease import fit
from serving.ranking.statistics import Statistics, StatisticsSnapshot
from stream.monitoring.metrics import Metrics
from stream.settings import WorkerSettings
from stream.store.base import Lease
from stream.store.statistics_snapshots import WRITER, Snapshots

_log = logging.getLogger(__name__)
_BEHIND = 4.0  # where events wait, lists come first: counting takes a fifth of the time, and catches up later
_FITS_APART_S, _REST = 5.0, 20.0  # at least so long, and so many times as long as the last fit took


class _Holds(Protocol):
    """Which partitions are mine, and by which token."""

    def lease(self, partition: int) -> Lease:
        """See `Store.lease`."""
        ...


class StatisticsService:
    """See the module. `follower` is what follows covisits.v1, from `start` on.

    stored: closed by `stop`. learn: is shown the events that are new before they are counted.
    behind: whether user events wait.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        statistics: Statistics,
        stored: Snapshots,
        leases: _Holds,
        metrics: Metrics,
        learn: Callable[[Sequence[CoVisitEvent]], None],
        behind: Callable[[], bool] = lambda: False,
    ) -> None:
        self._topic = settings.topics.covisits
        self._every_s = settings.statistics_every_s
        self._statistics = statistics
        self._leases = leases
        self._metrics = metrics
        self._learn = learn
        self._store = stored
        self._kept: int | None = None  # where on covisits.v1 the snapshot stands that this process read or wrote last
        self.follower = Follower(
            settings.brokers,
            self._topic,
            self._on_covisits,
            settings.fetch_wait_ms,
            metrics.leave_out,
            pause=lambda: _BEHIND if behind() else 0.0,
        )

    async def start(self) -> None:
        """Take over the snapshot, and follow the rest.

        One that is broken is reported, and the topic read from its start. Raises Misconfigured if the topic is missing,
        if a newer Penchant wrote the snapshot, or if what came after it has gone from the topic.
        """
        snapshot = await self._read()
        first = (await self.follower.connect())[0]
        since: dict[int, int] = {}
        if snapshot is not None:
            self._statistics.restore(snapshot)
            self._statistics.refit()
            if self._statistics.follows(snapshot, self._topic):
                if snapshot.reached < first:
                    raise Misconfigured(
                        f"{self._topic} begins at offset {first}, the snapshot of the item statistics ends at "
                        f"{snapshot.reached}: what lay between has gone with the topic's retention. {snapshots.FORGET}"
                    )
                since[0] = self._kept = snapshot.reached
            self._metrics.statistics_events.set(self._statistics.popularity.events)
            _log.info(
                "item statistics of %d events taken over, %s from offset %d",
                snapshot.popular.events,
                self._topic,
                since.get(0, first),
            )
        self.follower.follow(since)

    async def stop(self) -> None:
        """Stop following and hang up."""
        await self.follower.stop()
        await self._store.close()

    async def keep(self) -> None:
        """Write a snapshot now and then, for ever, while I own user partition 0 and something has changed."""
        await self.follower.caught_up.wait()
        while True:
            await asyncio.sleep(self._every_s)
            await self.snapshot()

    async def fit(self) -> None:
        """Fit the EASE model again whenever enough has come, for ever, with a twentieth of a core at most."""
        while True:
            began = time.perf_counter()
            await self.refit()
            await asyncio.sleep(max(_FITS_APART_S, _REST * (time.perf_counter() - began)))

    async def refit(self) -> bool:
        """Fit now, in another thread, unless too little has come since the last time. Returns whether it was done."""
        if not self._statistics.ease.due:
            return False
        self._statistics.ease.fitted = await asyncio.to_thread(fit, self._statistics.begin_fit())
        return True

    async def snapshot(self) -> bool:
        """Write one now, unless there is nothing new or it is another worker's to do. Returns whether it counts."""
        token, reached = self._leases.lease(WRITER).token, self.follower.reached.get(0)
        if not token or reached is None or reached == self._kept:
            return False
        began = time.perf_counter()
        snapshot = self._statistics.snapshot(self._topic, reached, time.time_ns() // 1_000_000)
        copied = time.perf_counter()
        values = await asyncio.to_thread(lambda: list(snapshots.encode(snapshot)))
        if not await self._store.write(token, values):
            _log.warning("a snapshot of the item statistics was dropped: user partition %d has another owner", WRITER)
            return False
        self._kept = reached
        self._metrics.snapshot_bytes.set(sum(map(len, values)))
        self._metrics.snapshot_seconds.labels("copy").set(copied - began)
        self._metrics.snapshot_seconds.labels("write").set(time.perf_counter() - copied)
        return True

    async def _read(self) -> StatisticsSnapshot | None:
        try:
            return await self._store.read()
        except BrokenState as error:
            _log.error("%s; %s is read from its start instead", error, self._topic)
            return None

    def _on_covisits(self, _: bytes | None, value: bytes | None) -> None:
        if value is not None:
            message = read_covisits(value)
            stages = self._metrics.stage_seconds
            with stages.labels("blend").time():
                self._learn(self._statistics.unapplied(message))
            with stages.labels("statistics").time():
                self._statistics.apply(message)
            self._metrics.covisits.inc()
            self._metrics.statistics_events.set(self._statistics.popularity.events)
