"""Whether a worker takes events in, and if not, why: what a supervisor asks over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from serving.api.health import Check, health_app, serve
from serving.catalogue import Catalogue
from stream.encoder.deadline import DeadlineEncoder
from stream.processing.pending_events import TEXTS
from stream.retry import Retries
from stream.store.pending_index import PendingIndex


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """See the module. Each callable answers at once: caught_up, opened, owned are what a worker waits for.

    owned: how many partitions of user topics are this worker's; None: the group has not said yet.
    """

    retries: Retries
    catalogue: Catalogue
    waiting: PendingIndex
    encoding: DeadlineEncoder
    caught_up: Callable[[], bool]
    opened: Callable[[], bool]
    owned: Callable[[], int | None]

    def check(self) -> Check:
        """What `/health/ready` answers."""
        if (why := self.retries.waited_for) is not None:
            return Check(False, f"waiting: {why}")
        if not self.caught_up():
            return Check(False, "item vectors and item statistics are still being followed")
        if not self.opened():
            return Check(False, "the encoder is warming up")
        if (owned := self.owned()) is None:
            return Check(False, "the group has not assigned partitions yet")
        facts = {"items_embedded": self.catalogue.embedded, "users_with_missed_texts": self.waiting.count(TEXTS)}
        if not self.encoding.healthy:
            return Check(True, "degraded: the encoder is out, so texts wait and lists come from what is known", facts)
        spare = "spare: the group has more workers than partitions, and none for this one"
        return Check(True, "events are taken in" if owned else spare, facts)


@dataclass(slots=True)
class HealthServer:
    """Answers a supervisor and Prometheus. port 0: it does not listen."""

    ready: Callable[[], Check]
    metrics: Callable[[], bytes]
    host: str
    port: int
    _runner: web.AppRunner | None = field(default=None, init=False)

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        if self.port:
            app = health_app(lambda: Check(True, "the event loop answers"), self.ready, self.metrics)
            self._runner = await serve(app, self.host, self.port)

    async def stop(self) -> None:
        """Hang up."""
        if self._runner is not None:
            await self._runner.cleanup()
