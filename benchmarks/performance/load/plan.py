"""What a generator is told, and what it tells: one plan in, lines of JSON out, arrays in a file."""

from typing import Literal

import msgspec

from benchmarks.performance.load.workload import Workload


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    rate: events a second of an open loop; with `in_flight` not used: so many events are under way at any time then, the
    next one is sent when a list names one. patience_s: waited after the last event, quiet_s: while nothing
    comes, at most. fetch_wait_ms: see `deploy.local.services.EmbeddedBroker`.
    recommendations, clicks, reviews: topics. file: where the arrays go.
    """

    run: str
    bootstrap: str
    clicks: str
    reviews: str
    recommendations: str
    workload: Workload
    seconds: float
    file: str
    fetch_wait_ms: int | None = None
    warm_up_s: float = 0.0
    rate: float = 0.0
    fixed: bool = False
    in_flight: int = 0
    patience_s: float = 10.0
    quiet_s: float = 1e9
    linger_ms: int = 0


class Answer(msgspec.Struct, kw_only=True):
    """What a generator says on its way: that warming up is over, how far it is, that all is done."""

    phase: Literal["warming", "measuring", "done"]
    sent: int
    received: int
    of: int
