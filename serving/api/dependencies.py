"""Whether what the API stands on answers: store, broker, and its own views."""

import asyncio
import time
from dataclasses import dataclass, field

import redis.asyncio as redis
from aiokafka.client import AIOKafkaClient

from penchant.errors import PenchantError
from serving.api.followed.views import Views
from serving.api.health import Check
from serving.api.ondemand.port import OnDemand
from serving.api.outbox import Outbox
from serving.api.stored_users import StoredUsers
from serving.redis.answers import asked

__all__ = ()

PROBE_TIMEOUT_S = 3.0
_PROBE_EVERY_S = 2.0
_DEAF_AFTER_S = 10.0  # a probe that is this late means that the event loop is stuck


@dataclass(slots=True)
class Dependencies:
    """What routes answer from; whether store and broker answered when probed last, not by each check."""

    store: redis.Redis
    broker: AIOKafkaClient
    views: Views
    outbox: Outbox
    users: StoredUsers
    on_demand: OnDemand
    problems: dict[str, str] = field(default_factory=dict)
    probed_at: float = 0.0

    async def probe(self) -> None:
        """Probe both, and note what is wrong with each."""
        answers = await asyncio.gather(
            asyncio.wait_for(asked(self.store.ping), PROBE_TIMEOUT_S),
            asyncio.wait_for(self.broker.force_metadata_update(), PROBE_TIMEOUT_S),
            return_exceptions=True,
        )
        self.problems = {
            name: words for name, answer in zip(("redis", "broker"), answers, strict=True) if (words := _words(answer))
        }
        self.probed_at = time.monotonic()

    async def keep_probing(self) -> None:
        """Probe for ever."""
        while True:
            await self.probe()
            await asyncio.sleep(_PROBE_EVERY_S)

    def live(self) -> Check:
        """Say whether this process still does its rounds."""
        silent_s = time.monotonic() - self.probed_at
        if silent_s > _DEAF_AFTER_S:
            return Check(ok=False, why=f"nothing was asked for {silent_s:.0f} s: the process is stuck, restart it")
        return Check(ok=True, why="running")

    def ready(self) -> Check:
        """Say whether requests can be answered."""
        problems = dict(self.problems)
        if problem := self.views.problem:
            problems["lists"] = f"cannot be read ({problem})"
        facts = {name: problems.get(name, "ok") for name in ("redis", "broker", "lists")}
        facts["on_demand"] = self.on_demand.progress  # whether it is ready: lists are answered all the same
        if problems:
            return Check(ok=False, why=", ".join(f"{name} {what}" for name, what in problems.items()), facts=facts)
        return Check(ok=True, why="redis and broker answer, lists are followed", facts=facts)


def _words(answer: object) -> str:
    """What is wrong with an answer; nothing if it is the right one."""
    if answer is True:
        return ""
    if isinstance(answer, PenchantError):
        return str(answer).removeprefix("Redis ")
    if isinstance(answer, BaseException):
        return f"does not answer ({str(answer) or type(answer).__name__})"
    return "does not answer (its metadata could not be had)"
