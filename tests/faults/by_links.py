"""Faults of what lies between a worker and its services: slow, cut on one side, answers that get lost.

The worker reaches both by proxies of the tests' own (tests/support/tcp_proxy.py); the load and the checker do not.
"""

import time

from tests.faults.by_services import SLOW
from tests.faults.by_workers import held, shared
from tests.faults.scenario import PARTITIONS, Scenario, Unexpected
from tests.support.system import WorkerProcess
from tests.support.tcp_proxy import REFUSED, SILENT, WELL, Link, TcpProxy

BROKER, STORE = "broker", "store"
HINDERED_S, HINDERED_CI_S = 20.0, 8.0  # more than the 5 s that a worker waits for an answer of the store


def hindered(to: str, link: Link, scenario: Scenario) -> None:
    """One link is like that for a while, under load; the worker must not end over it, and goes on afterwards."""
    (worker,) = scenario.start_workers(1, **scenario.environment.behind_proxies())
    _for_a_while(scenario, to, link, [worker])


def store_out_of_sight(scenario: Scenario) -> None:
    """One of two workers sees the broker and not the store: it keeps its partitions, and waits."""
    _for_a_while(scenario, STORE, scenario.random.choice((SILENT, REFUSED)), list(_two(scenario)))


def broker_out_of_sight(scenario: Scenario) -> None:
    """One of two workers sees the store and not the broker: the other takes over, and the first one comes back."""
    hidden, other = _two(scenario)
    proxy = scenario.environment.to_broker
    scenario.start_load(rate=SLOW)
    scenario.midway(0.1, 0.3)
    proxy.behave(scenario.random.choice((SILENT, REFUSED)))
    scenario.wait(lambda: held(other) == PARTITIONS, 60, "the partitions of who sees no broker were not taken over")
    proxy.behave(WELL)
    scenario.fault_ended()
    shared(scenario, [hidden, other])


def hindered_s(scenario: Scenario) -> float:
    """For how long a link is bad."""
    return HINDERED_S if scenario.environment.full else HINDERED_CI_S


def _two(scenario: Scenario) -> tuple[WorkerProcess, WorkerProcess]:
    """One behind proxies, and one that sees everything."""
    hidden, other = scenario.worker(**scenario.environment.behind_proxies()), scenario.worker()
    scenario.wait_until_ready(hidden, other)
    scenario.publish_items()
    shared(scenario, [hidden, other])
    return hidden, other


def _for_a_while(scenario: Scenario, to: str, link: Link, workers: list[WorkerProcess]) -> None:
    """Under load a link is like that, as long as the fault lasts; none of the workers may end over it."""
    scenario.start_load(rate=SLOW)
    scenario.midway(0.1, 0.4)
    _proxy(scenario, to).behave(link)
    time.sleep(hindered_s(scenario))
    _proxy(scenario, to).behave(WELL)
    if any(worker.child.exit_code is not None for worker in workers):
        raise Unexpected(f"a worker ended over a {to} that is slow or out of sight\n{scenario.last_lines()}")
    scenario.fault_ended()


def _proxy(scenario: Scenario, to: str) -> TcpProxy:
    return scenario.environment.to_broker if to == BROKER else scenario.environment.to_store
