"""Faults of what a worker stands on: the store, the broker, the encoder."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.performance.apache_kafka import ApacheKafka
from tests.faults.load_sender import WITHOUT_TRANSACTIONS
from tests.faults.lost_log import go_on_from
from tests.faults.scenario import Scenario, Unexpected
from tests.faults.small_disk import small_disk
from tests.support.command import penchant
from tests.support.system import now_ms

SLOW = 90.0  # messages/s: what follows takes seconds, and the load is to last longer
AGE_S = 5.0  # of the copy that the store is put back to


def store_gone(scenario: Scenario) -> None:
    """The store is away for a while: dead, or hanging."""
    store = scenario.environment.redis
    leave, come = scenario.random.choice([(store.kill, store.start), (store.freeze, store.thaw)])
    scenario.start_workers()
    scenario.start_load()
    scenario.midway()
    leave()
    time.sleep(away_s(scenario))
    come()
    scenario.fault_ended()


def store_restarted(scenario: Scenario) -> None:
    """The store dies and comes back from its append-only file."""
    scenario.start_workers()
    scenario.start_load()
    scenario.midway()
    scenario.environment.redis.kill()
    scenario.environment.redis.start()
    scenario.fault_ended()


def store_put_back(scenario: Scenario) -> None:
    """The store is put back to an older copy, which is what a backup does."""
    store = scenario.environment.redis
    scenario.start_workers()
    scenario.start_load(rate=SLOW)
    scenario.midway(0.05, 0.2)
    copy = store.copy()
    time.sleep(AGE_S)
    store.kill()
    store.put_back(copy)
    scenario.fault_ended()


def store_emptied(scenario: Scenario) -> None:
    """The store loses everything."""
    scenario.start_workers()
    scenario.start_load()
    scenario.midway()
    scenario.environment.redis.empty()
    scenario.fault_ended()


def broker_gone(scenario: Scenario) -> None:
    """The broker is away for a while; its log is kept."""
    broker = _apache(scenario)
    leave: Callable[[], None] = scenario.random.choice([broker.kill, broker.stop])
    scenario.start_workers()
    scenario.start_load()
    scenario.midway()
    leave()
    time.sleep(away_s(scenario))
    broker.start()
    scenario.fault_ended()


def topics_recreated(scenario: Scenario) -> None:
    """New topics under a kept store: refused with 78, then adopted; the interests of before are kept."""
    first, second = scenario.load.halves()
    (worker,) = scenario.start_workers()
    scenario.start_load(first)
    scenario.finish_load()
    scenario.wait(lambda: scenario.all_named(first), 60, "the first half was not processed")
    worker.child.ask_to_stop()
    scenario.wait_for_exit(worker, 0, 10)
    scenario.recreate_topics()
    scenario.wait_for_exit(scenario.worker(), 78)
    where = ["--bootstrap", scenario.system.bootstrap, "--redis", scenario.system.redis_url]
    adopted = penchant("topics", "adopt", *where, "--prefix", scenario.system.topics.prefix)
    if adopted.exit_code != 0:
        raise Unexpected(f"`penchant topics adopt` ended with {adopted.exit_code}: {adopted.err}")
    scenario.fault_ended()
    scenario.wait_until_ready(scenario.worker())
    scenario.publish_items()
    scenario.start_load(second)


def broker_disk_full(scenario: Scenario) -> None:
    """The disk of the broker's log is full until the broker ends over it; with room again it is started again."""
    disk = scenario.stack.enter_context(small_disk(scenario.system.folder / "disk", mib=256))
    broker = ApacheKafka(disk.folder)
    scenario.stack.callback(broker.stop)
    broker.start()
    scenario.use_broker(broker)
    (worker,) = scenario.start_workers()
    scenario.start_load(rate=SLOW)
    scenario.midway()
    disk.fill()
    scenario.wait(lambda: not broker.running, 60, "the broker did not end over its disk")
    time.sleep(away_s(scenario))
    disk.clear()
    broker.start()
    if worker.child.exit_code is not None:
        raise Unexpected(f"a worker ended over the broker's disk\n{scenario.last_lines()}")
    scenario.fault_ended()


def log_cut(scenario: Scenario) -> None:
    """The broker comes back with half of what was read gone: told with 78, then read on from the time of the loss."""
    broker, topics = _apache(scenario), scenario.system.topics
    first, second = scenario.load.halves()
    scenario.mix = WITHOUT_TRANSACTIONS
    (worker,) = scenario.start_workers()
    scenario.start_load(first)
    scenario.finish_load()
    scenario.wait(lambda: scenario.all_named(first), 60, "the first half was not processed")
    lost_ms = now_ms()
    broker.kill()
    scenario.measured["bytes of the log that were cut off"] = sum(
        _halve(segment)
        for topic in (topics.clicks, topics.reviews)
        for segment in (broker.folder / "logs").glob(f"{topic}-*/*.log")
    )
    broker.start()
    scenario.wait_for_exit(worker, 78, 60)
    go_on_from(scenario, lost_ms)
    scenario.start_load(second)


def _halve(segment: Path) -> int:
    """Cut off the second half of a segment, and what says where its records lie; the bytes that are gone."""
    size = segment.stat().st_size
    os.truncate(segment, size // 2)
    for index in (".index", ".timeindex"):
        segment.with_suffix(index).unlink(missing_ok=True)
    return size - size // 2


def encoder_fails(how: str, scenario: Scenario) -> None:
    """The encoder raises, or hangs, for a while: lists come all the same, and the texts are encoded later."""
    control = scenario.system.folder / "fault"
    worker = scenario.worker(FAULT_ENCODER=how, FAULT_FILE=str(control))
    scenario.wait_until_ready(worker)
    scenario.publish_items()
    scenario.start_load(rate=SLOW)
    scenario.midway(0.05, 0.3)
    control.touch()
    scenario.wait(lambda: worker.metric("penchant_encoder_out") == 1.0, 60, "the encoder was not found to be out")
    scenario.finish_load()
    scenario.wait(scenario.all_named, 30, "no lists while the encoder is out")
    control.unlink()
    scenario.fault_ended()


def away_s(scenario: Scenario) -> float:
    """For how long a service is away, or refuses."""
    return 20.0 if scenario.environment.full else 5.0


def _apache(scenario: Scenario) -> ApacheKafka:
    if not isinstance(scenario.environment.broker, ApacheKafka):
        raise TypeError("this is a bug: this fault needs a broker whose log outlives it")
    return scenario.environment.broker
