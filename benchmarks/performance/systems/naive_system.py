"""Broker and store of their own for the naive agent, which is looked at from outside as the system is."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from benchmarks.performance.apache_kafka import ApacheKafka
from benchmarks.performance.systems.local_system import Addresses, MeasuredSystem, SystemOptions, named
from benchmarks.performance.systems.naive_agent import READY
from deploy.local.processes import ChildProcess
from deploy.local.services import EmbeddedBroker, start_broker, start_store
from deploy.topics.create import create_topics
from penchant.errors import Misconfigured
from penchant.topics import Topics

_READY_S = 60.0
_LOOK_S = 0.05
_PREFIX, _PARTITIONS = "naive", 4


@contextmanager
def running_naive_agent(options: SystemOptions) -> Iterator[MeasuredSystem]:
    """Start it with a broker and a store, stop all at the end. Raises Misconfigured if it does not come up."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penchant-bench-")))
        broker = _broker(options, folder)
        stack.callback(broker.stop)
        store = start_store(folder)
        stack.callback(store.stop)
        create_topics(broker.bootstrap, Topics(_PREFIX), _PARTITIONS, replication=1)
        environment = {
            **os.environ,
            "PENCHANT_BOOTSTRAP": broker.bootstrap,
            "PENCHANT_REDIS": store.url,
            "PENCHANT_PREFIX": _PREFIX,
            "PENCHANT_K": str(options.k),
            "PENCHANT_FETCH_WAIT_MS": str(options.fetch_wait_ms or 500),
            "OPENBLAS_NUM_THREADS": "1",  # as a worker has it
        }
        command = [sys.executable, "-m", "benchmarks.performance.systems.naive_agent", str(options.items)]
        agent = ChildProcess("naive agent", command, folder / "agent.log", environment)
        stack.callback(agent.stop, 5.0)
        _wait(agent)
        where = Addresses(broker.bootstrap, store.url, "", _PREFIX, [])
        roles = {"worker": [psutil.Process(agent.pid)], "store": [psutil.Process(store.child.pid)]}
        yield MeasuredSystem(options, where, roles | {"broker": named("java" if options.kafka else "tansu")})


def _broker(options: SystemOptions, folder: Path) -> ApacheKafka | EmbeddedBroker:
    if not options.kafka:
        return start_broker(folder)
    kafka = ApacheKafka(folder)
    kafka.start()
    return kafka


def _wait(agent: ChildProcess) -> None:
    deadline = time.monotonic() + _READY_S
    while READY not in agent.log.read_text(encoding="utf-8", errors="replace"):
        if agent.exit_code is not None or time.monotonic() > deadline:
            raise Misconfigured(f"the naive agent did not come up; its last words:\n{agent.last_lines()}")
        time.sleep(_LOOK_S)
