"""Faults of a store that answers, and refuses: for a while it is full, or takes no writes. Nobody's process may end."""

import time
from collections.abc import Callable
from typing import Any

import redis

from tests.faults.by_services import SLOW, away_s
from tests.faults.redis_server import Redis
from tests.faults.scenario import Scenario, Unexpected
from tests.faults.small_disk import small_disk
from tests.support.refusals import become_primary, become_replica, fill_up, make_room


def store_full(scenario: Scenario) -> None:
    """The store is full for a while, and a second worker starts meanwhile."""
    _refuses(scenario, fill_up, make_room, "Redis is full (OOM")


def store_disk_full(scenario: Scenario) -> None:
    """The disk of the store's append-only file is full for a while, and a second worker starts meanwhile."""
    disk = scenario.stack.enter_context(small_disk(scenario.system.folder / "disk"))
    store = Redis(disk.folder)
    scenario.stack.callback(store.stop)
    scenario.use_store(store.url)
    _refuses(scenario, lambda _: disk.fill(), lambda _: disk.clear(), "cannot save to its disk, and takes no writes")


def store_read_only(scenario: Scenario) -> None:
    """The store is a replica for a while, and a second worker starts meanwhile."""
    _refuses(scenario, become_replica, become_primary, "Redis is a replica, and takes no writes (READONLY")


def _refuses(scenario: Scenario, begin: Callable[[Any], None], end: Callable[[Any], None], says: str) -> None:
    (first,) = scenario.start_workers()
    with redis.Redis.from_url(scenario.system.redis_url) as client:
        scenario.start_load(rate=SLOW)
        scenario.midway(0.1, 0.4)
        begin(client)
        try:
            scenario.wait(lambda: says in first.child.last_lines(50), 30, "the store did not refuse")
            second = scenario.worker()
            time.sleep(away_s(scenario))
            if (first.child.exit_code, second.child.exit_code) != (None, None):
                raise Unexpected(f"a worker ended over a store that refuses\n{scenario.last_lines()}")
        finally:
            end(client)
    scenario.fault_ended()
    scenario.wait_until_ready(second)
