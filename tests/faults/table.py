"""The faults, as data: what each is called, how often it is run, and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.faults import by_input, by_services, by_workers
from tests.faults.load import Load, Shape, make_load, poisoned, shuffled, twice
from tests.faults.stage import Stage

Make = Callable[[int, int], Load]  # seed, ms since 1970


@dataclass(frozen=True)
class Kind:
    """One row. ci, full: how many runs; embedded: how many of each of them also on the embedded broker."""

    name: str
    title: str
    act: Callable[[Stage], None]
    ci: int
    full: int
    embedded: int = 0
    make: Make = make_load

    def runs(self, *, full: bool) -> int:
        """How many runs there are on Apache Kafka."""
        return self.full if full else self.ci


def _large(seed: int, now_ms: int) -> Load:
    return make_load(seed, now_ms, Shape(usual=90))


KINDS = (
    Kind("kill", "kill -9 at a random moment", by_workers.killed, 1, 5, embedded=1),
    *(
        Kind(f"kill-{point}", f"kill -9 {point.replace('_', ' ')}", partial(by_workers.killed_at, point), 1, 5)
        for point in by_workers.POINTS
    ),
    Kind("term", "SIGTERM in the middle of a batch", by_workers.terminated, 1, 5, embedded=1),
    Kind("two-killed", "two workers, one killed", by_workers.one_of_two_killed, 1, 5),
    Kind("two-added", "a second worker joins", by_workers.one_added, 1, 5),
    Kind("two-removed", "one of two workers leaves", by_workers.one_removed, 1, 5),
    Kind("zombie", "frozen past its session, thawed", by_workers.zombie, 1, 3),
    *(
        Kind(
            f"zombie-{point}", f"the same, frozen {point.replace('_', ' ')}", partial(by_workers.zombie_at, point), n, 2
        )
        for n, point in enumerate(("after_announce", "after_save"))
    ),
    Kind("redis-gone", "Redis gone for 20 s (CI: 5 s)", by_services.store_gone, 1, 3),
    Kind("redis-restarted", "Redis restarted from its file", by_services.store_restarted, 1, 3),
    Kind("redis-put-back", "Redis put back to a copy 5 s old", by_services.store_put_back, 1, 3),
    Kind("redis-emptied", "Redis emptied", by_services.store_emptied, 1, 3),
    Kind("broker-gone", "broker gone for 20 s (CI: 5 s)", by_services.broker_gone, 1, 3),
    Kind("topics-anew", "topics made anew, adopted", by_services.topics_made_anew, 1, 3),
    Kind(
        "twice",
        "all sent twice, group offsets set back",
        by_input.delivered_again,
        1,
        5,
        embedded=1,
        make=lambda seed, now_ms: twice(make_load(seed, now_ms)),
    ),
    Kind(
        "shuffled",
        "shuffled within 1,000",
        by_input.as_it_comes,
        1,
        5,
        embedded=1,
        make=lambda seed, now_ms: shuffled(_large(seed, now_ms), 1000),
    ),
    Kind(
        "late",
        "a third of the events a day late",
        by_input.as_it_comes,
        1,
        5,
        make=lambda seed, now_ms: make_load(seed, now_ms, Shape(late_share=1 / 3)),
    ),
    Kind("partitioner", "producers partition by CRC32", by_input.other_partitioner, 1, 3, embedded=1),
    Kind(
        "poison",
        "poison, 1 %",
        by_input.as_it_comes,
        1,
        3,
        make=lambda seed, now_ms: poisoned(_large(seed, now_ms), 0.01),
    ),
)
