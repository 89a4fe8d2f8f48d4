"""Faults of a Redis that consists of several: a fail-over that loses writes, two primaries at once, a node that hangs.

What a fail-over loses is measured: the records that only the old primary knew to be processed. They are read again.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from penchant.errors import Misconfigured
from tests.faults.by_services import SLOW, away_s
from tests.faults.scenario import PARTITIONS, Scenario, Skipped, Unexpected
from tests.support.cut_off import CutOffSentinels
from tests.support.redis_servers import RedisCluster, Sentinels, executable

BEHIND_S = 1.5  # for which the replica hears of no writes
LOST = "records that the fail-over lost"
AGAIN = "reading again from there"
_Several = TypeVar("_Several", Sentinels, CutOffSentinels, RedisCluster)


def fail_over(scenario: Scenario) -> None:
    """The primary dies with writes that it answered and had not replicated, and sentinels make the replica primary."""
    several = _started(Sentinels, scenario)
    (worker,) = scenario.start_workers()
    scenario.start_load(rate=SLOW)
    scenario.midway(0.1, 0.4)
    with several.replica.client() as replica:
        replica.execute_command("REPLICAOF", "127.0.0.1", 1)  # where nobody is
        time.sleep(BEHIND_S)
        with several.primary.client() as primary:
            stood = _processed(scenario, primary)
        several.primary.child.kill()
        scenario.measured[LOST] = _before(stood, _processed(scenario, replica))
        scenario.wait(lambda: replica.info("replication")["role"] == "master", 30, "sentinels made no other primary")
    scenario.fault_ended()
    scenario.wait(lambda: AGAIN in worker.child.last_lines(400), 60, "nothing was read again after the fail-over")


def two_primaries(scenario: Scenario) -> None:
    """A primary that is cut off from the others goes on for the worker that has it; a second one has the new one."""
    several = _started(CutOffSentinels, scenario)
    (first,) = scenario.start_workers(PENCHANT_REDIS=several.url_aside)
    scenario.start_load(rate=SLOW)
    scenario.midway(0.05, 0.2)
    several.cut_off()
    scenario.wait(lambda: several.role(several.replica) == "master", 30, "sentinels made no other primary")
    if several.role(several.primary) != "master":
        raise Unexpected("the old primary takes no writes any more")
    second = scenario.worker()
    scenario.wait_until_ready(second)
    time.sleep(away_s(scenario))
    with several.enter(several.primary) as old, several.enter(several.replica) as new:
        scenario.measured[LOST] = _before(_processed(scenario, old), _processed(scenario, new))
    several.let_in()
    scenario.wait(lambda: several.role(several.primary) == "slave", 60, "sentinels left the old primary as it was")
    if (first.child.exit_code, second.child.exit_code) != (None, None):
        raise Unexpected(f"a worker ended over two primaries\n{scenario.last_lines()}")
    scenario.fault_ended()


def node_hangs(scenario: Scenario) -> None:
    """One of a cluster's three nodes answers nobody for a while; the cluster is down meanwhile."""
    cluster = _started(RedisCluster, scenario)
    scenario.start_workers()
    scenario.start_load(rate=SLOW)
    scenario.midway(0.1, 0.4)
    node = scenario.random.choice(cluster.nodes).child
    os.kill(node.pid, signal.SIGSTOP)
    time.sleep(away_s(scenario))
    os.kill(node.pid, signal.SIGCONT)
    scenario.fault_ended()


def _started(kind: Callable[[Path], _Several], scenario: Scenario) -> _Several:
    """Several servers as the run's store. Raises Skipped where no redis-server is installed, but not in CI."""
    try:
        executable()
    except Misconfigured as error:
        raise (Unexpected if os.environ.get("CI") else Skipped)(str(error)) from None
    made = kind(scenario.system.folder)
    scenario.stack.callback(made.stop)
    scenario.use_store(made.url)
    return made


def _processed(scenario: Scenario, client: Any) -> dict[tuple[int, bytes], int]:
    """How far a server knows each topic to be processed, by partition."""
    keys = {number: f"{{{scenario.system.topics.prefix}:{number}}}:offsets" for number in range(PARTITIONS)}
    stored = {number: client.hgetall(key) for number, key in keys.items()}
    return {(number, topic): int(at) for number, offsets in stored.items() for topic, at in offsets.items()}


def _before(one: dict[tuple[int, bytes], int], other: dict[tuple[int, bytes], int]) -> int:
    """How many records one knows of that the other does not."""
    return sum(max(0, at - other.get(place, 0)) for place, at in one.items())
