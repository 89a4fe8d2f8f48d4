"""Looked at before a worker runs: the store is there, and its vectors, offsets and clock are those we expect."""

import time
from collections.abc import Mapping

from penchant.errors import Misconfigured
from stream.kafka.group_members import group_members
from stream.monitoring.clock import Clock
from stream.settings import WorkerSettings
from stream.store.redis import Store
from stream.store.topic_identity import check_identities


def now_ms() -> int:
    """The wall clock, ms since 1970."""
    return time.time_ns() // 1_000_000


async def check_group(settings: WorkerSettings) -> None:
    """On a cluster that asks who we are: we may join the workers' group; who may not would wait for it in silence.

    Raises Misconfigured, and Unavailable.
    """
    if settings.brokers.security.protocol != "PLAINTEXT":
        await group_members(settings.brokers, f"{settings.keys}-worker")


async def check_store(
    settings: WorkerSettings, fingerprint: str, partitions: int, identities: Mapping[str, str]
) -> None:
    """Before anything runs: Redis answers, its vectors are of this model folder, its offsets and its clock ours.

    Raises Misconfigured, and Unavailable if Redis answers for a minute that it cannot.
    """
    store = Store(settings.redis, settings.keys, fingerprint, {}, settings.retention())
    try:
        await store.adopt_fingerprint()
        await check_identities(settings.redis, settings.keys, partitions, identities)
        clock = Clock(now_ms)
        await clock.compare(store.now_ms)
        if not clock.healthy:
            raise Misconfigured(clock.words())
    finally:
        await store.close()
