"""The demo's figures: as a value, a table and JSON."""

import msgspec
import numpy as np
from rich.table import Table

from deploy.demo.rating_replay import ReplayResult
from deploy.demo.running_system import Memory
from deploy.demo.show import table_of
from penchant.messages import ListItem

__all__ = ()


class StatementAnswer(msgspec.Struct, frozen=True):
    """A statement and the list that answered it."""

    text: str
    milliseconds: float
    items: list[ListItem]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Times in ms are from an event's sending to the receipt of the list that names it."""

    ratings: int
    of_ratings: int
    seconds: float
    events_per_s: float
    p50_ms: float
    p99_ms: float
    positives: int
    live_hit_rate: float
    popular_hit_rate: float
    unanswered: int
    dead_letters: int
    worker_mib: float
    store_mib: float
    store_used_mib: float
    statements: list[StatementAnswer]
    scene: list[StatementAnswer]

    def table(self) -> Table:
        """The figures for people."""
        return table_of(
            "Summary",
            [
                ("ratings replayed", f"{self.ratings:,} of {self.of_ratings:,} in {self.seconds:.0f} s"),
                ("events/s, each answered by a list", f"{self.events_per_s:,.0f}"),
                ("event → list, p50 / p99", f"{self.p50_ms:.1f} / {self.p99_ms:.1f} ms"),
                ("events without a list", f"{self.unanswered}"),
                (f"hit rate at 10, live lists ({self.positives:,} ratings of 4 and 5)", f"{self.live_hit_rate:.4f}"),
                ("hit rate at 10, most popular, same seen filter", f"{self.popular_hit_rate:.4f}"),
                ("dead letters", f"{self.dead_letters}"),
                ("memory: worker, with the model", f"{self.worker_mib:,.0f} MiB"),
                ("memory: store, process / data", f"{self.store_mib:,.0f} / {self.store_used_mib:,.1f} MiB"),
            ],
        )


def summarise(
    played: ReplayResult,
    of_ratings: int,
    dead_letters: int,
    memory: Memory,
    told: tuple[list[StatementAnswer], list[StatementAnswer]],
) -> Summary:
    """Put a run's figures together; `told`: the statements of the newcomer, and those of the Chinese scene."""
    latencies = np.array(played.latencies_s or [0.0]) * 1000
    live, popular = played.hits.rates()
    return Summary(
        ratings=played.sent,
        of_ratings=of_ratings,
        seconds=round(played.seconds, 2),
        events_per_s=round(played.sent / max(played.seconds, 1e-9), 1),
        p50_ms=round(float(np.percentile(latencies, 50)), 2),
        p99_ms=round(float(np.percentile(latencies, 99)), 2),
        positives=played.hits.positives,
        live_hit_rate=round(live, 5),
        popular_hit_rate=round(popular, 5),
        unanswered=played.unanswered,
        dead_letters=dead_letters,
        worker_mib=round(memory.workers_mib, 1),
        store_mib=round(memory.store_mib, 1),
        store_used_mib=round(memory.store_used_mib, 2),
        statements=told[0],
        scene=told[1],
    )
