"""Two faults at once, drawn by the run's seed: `--kind two-random --seed N` does the same again."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis

from benchmarks.performance.apache_kafka import ApacheKafka
from tests.faults.by_services import SLOW
from tests.faults.scenario import Scenario
from tests.support.refusals import become_primary, become_replica, fill_up, make_room
from tests.support.system import WorkerProcess
from tests.support.tcp_proxy import DEAF, REFUSED, SILENT, WELL, Link, TcpProxy
from tests.support.tcp_proxy import SLOW as SLOW_LINK

LASTS_S = (4.0, 9.0)  # around a session, which is 6 s
APART_S = 3.0
End = Callable[[], None]


@dataclass(frozen=True)
class Two:
    """A scenario's two workers, both behind proxies."""

    scenario: Scenario
    workers: tuple[WorkerProcess, WorkerProcess]


def two_at_random(scenario: Scenario) -> None:
    """Two faults overlap; each is ended, and then everything has to come right."""
    drawn = [(what, scenario.random.choice(sorted(FAULTS[what]))) for what in scenario.random.sample(sorted(FAULTS), 2)]
    scenario.measured["at once:"] = ", ".join(f"{what} {how}" for what, how in drawn)
    first, second = scenario.start_workers(2, **scenario.environment.behind_proxies())
    two = Two(scenario, (first, second))
    scenario.start_load(rate=SLOW)
    scenario.midway(0.05, 0.3)
    ends = []
    for what, how in drawn:
        ends.append(FAULTS[what][how](two))
        time.sleep(scenario.random.uniform(0.0, APART_S))
    time.sleep(scenario.random.uniform(*LASTS_S))
    for end in ends:
        end()
    scenario.fault_ended()


def _killed(two: Two) -> End:
    two.scenario.random.choice(two.workers).kill()
    return lambda: _start_another(two)


def _stopped(two: Two) -> End:
    two.scenario.random.choice(two.workers).child.ask_to_stop()
    return lambda: _start_another(two)


def _start_another(two: Two) -> None:
    two.scenario.worker(**two.scenario.environment.behind_proxies())


def _frozen(two: Two) -> End:
    pid = two.scenario.random.choice(two.workers).child.pid
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def _store_killed(two: Two) -> End:
    store = two.scenario.environment.redis
    store.kill()
    return store.start


def _store_frozen(two: Two) -> End:
    store = two.scenario.environment.redis
    store.freeze()
    return store.thaw


def _store_full(two: Two) -> End:
    return _refusing(two, fill_up, make_room)


def _store_read_only(two: Two) -> End:
    return _refusing(two, become_replica, become_primary)


def _refusing(two: Two, begin: Callable[[redis.Redis], None], end: Callable[[redis.Redis], None]) -> End:
    url = two.scenario.environment.redis.url

    def ask(what: Callable[[redis.Redis], None]) -> None:
        with redis.Redis.from_url(url) as client:
            what(client)

    ask(begin)
    return lambda: ask(end)


def _broker_killed(two: Two) -> End:
    broker = two.scenario.environment.broker
    assert isinstance(broker, ApacheKafka)
    broker.kill()
    return broker.start


def _link(proxy: Callable[[Scenario], TcpProxy], link: Link) -> Callable[[Two], End]:
    def begin(two: Two) -> End:
        through = proxy(two.scenario)
        through.behave(link)
        return lambda: through.behave(WELL)

    return begin


_LINKS = {"slow": SLOW_LINK, "deaf": DEAF, "silent": SILENT, "refused": REFUSED}
# Of what is hindered, how: a pair hinders two, as a store that is dead cannot be told to be full.
FAULTS: dict[str, dict[str, Callable[[Two], End]]] = {
    "a worker": {"killed": _killed, "stopped": _stopped, "frozen": _frozen},
    "the broker": {"killed": _broker_killed},
    "the store": {"killed": _store_killed, "frozen": _store_frozen, "full": _store_full, "read-only": _store_read_only},
    "the way to the store": {how: _link(lambda each: each.environment.to_store, link) for how, link in _LINKS.items()},
    "the way to the broker": {
        how: _link(lambda each: each.environment.to_broker, link) for how, link in _LINKS.items()
    },
}
