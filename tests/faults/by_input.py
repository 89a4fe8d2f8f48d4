"""Faults of what comes in: repeated, out of order, late, misplaced, packed, aborted, spoiled, too much of it."""

import time
from dataclasses import replace

import psutil
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from tests.faults.load import CLICKS, COMMANDS, REVIEWS
from tests.faults.load_sender import TRANSACTIONAL, Mix, by_crc32
from tests.faults.planted import EXIT_CODE
from tests.faults.scenario import PARTITIONS, Scenario, Unexpected
from tests.support.command import penchant
from tests.support.system import WorkerProcess
from tests.support.waiting import Stopwatch

FAST = 1000.0  # messages/s
MOST_GROWTH = 300 * 2**20  # bytes of a worker's memory, while bombs come
MOST_WAIT_S = 10.0  # for a list, beside one user's burst
IDLE_S, IDLE_CI_S = 120.0, 5.0


def as_it_comes(scenario: Scenario) -> None:
    """The load itself is the fault."""
    scenario.start_workers()
    scenario.start_load(rate=FAST)
    scenario.finish_load()
    scenario.fault_ended()


def other_partitioner(scenario: Scenario) -> None:
    """The producers put users where librdkafka's default does."""
    scenario.choose = by_crc32
    as_it_comes(scenario)


def sent_as(mix: Mix, scenario: Scenario) -> None:
    """The way in which it is sent is the fault."""
    scenario.mix = mix
    as_it_comes(scenario)


def with_bombs(scenario: Scenario) -> None:
    """The load itself is the fault, and the worker's memory is looked at."""
    (worker,) = scenario.start_workers()
    process, most = psutil.Process(worker.child.pid), [0]
    before = process.memory_info().rss
    scenario.start_load(rate=FAST)

    def named() -> bool:
        most[0] = max(most[0], process.memory_info().rss)
        return scenario.senders[-1].share == 1.0 and scenario.all_named()

    scenario.wait(named, 120, "not every event got a list")
    if most[0] - before > MOST_GROWTH:
        raise Unexpected(f"the worker took {(most[0] - before) / 2**20:.0f} MiB more")
    scenario.fault_ended()


def idle_behind_a_marker(scenario: Scenario) -> None:
    """Every partition ends with a transaction's marker, and then nothing comes: the worker stays, and its lag is 0."""
    (worker,) = scenario.start_workers()
    scenario.mix = TRANSACTIONAL
    scenario.start_load(rate=FAST)
    scenario.finish_load()
    scenario.wait(scenario.all_named, 60, "not every event got a list")
    time.sleep(IDLE_S if scenario.environment.full else IDLE_CI_S)
    if worker.child.exit_code is not None:
        raise Unexpected(f"an idle worker ended with {worker.child.exit_code}\n{scenario.last_lines()}")
    scenario.wait(lambda: _lag(scenario) == 0, 20, "the lag does not become 0 behind a marker")
    scenario.fault_ended()


def one_hot_user(scenario: Scenario) -> None:
    """One user's thousands of clicks come at once; everybody else's events behind them get their lists in time."""
    hot = tuple(each for each in scenario.load.messages if each.key in scenario.load.hot)
    others = tuple(each for each in scenario.load.messages if each.key not in scenario.load.hot)
    scenario.start_workers()
    scenario.start_load(replace(scenario.load, messages=hot), rate=1e6)
    scenario.finish_load()
    scenario.start_load(replace(scenario.load, messages=others))
    scenario.finish_load()
    watch = Stopwatch()
    scenario.wait(scenario.all_named, MOST_WAIT_S, "others have no lists")
    if watch.usual_s() > MOST_WAIT_S:
        raise Unexpected(f"others waited more than {MOST_WAIT_S:.0f} s for lists")
    scenario.fault_ended()


def killed_by_a_record(scenario: Scenario) -> None:
    """One record ends whatever process folds it: two processes, and then it becomes a dead letter."""

    def start() -> WorkerProcess:
        return scenario.worker(FAULT_RAISE="exit")

    worker = start()
    scenario.wait_until_ready(worker)
    scenario.publish_items()
    scenario.start_load()
    for _ in range(2):
        scenario.wait_for_exit(worker, EXIT_CODE, 60)
        worker = start()
    scenario.fault_ended()
    scenario.wait_until_ready(worker)


def _lag(scenario: Scenario) -> int:
    where = ["--bootstrap", scenario.system.bootstrap, "--redis", scenario.system.redis_url]
    told = penchant("doctor", "--json", *where, "--prefix", scenario.system.topics.prefix)
    return int(told.json["lag"]["count"])


def delivered_again(scenario: Scenario) -> None:
    """Every record was sent twice, and the group's offsets are set back to the start between two workers."""
    first, second = scenario.load.halves()
    (worker,) = scenario.start_workers()
    scenario.start_load(first, rate=FAST)
    scenario.finish_load()
    scenario.wait(lambda: scenario.all_named(first), 60, "the first half was not processed")
    worker.child.ask_to_stop()
    scenario.wait_for_exit(worker, 0, 10)
    _to_the_start(scenario)
    scenario.start_load(second, rate=FAST)
    scenario.fault_ended()
    scenario.worker()


def _to_the_start(scenario: Scenario) -> None:
    topics = scenario.system.topics
    consumer = KafkaConsumer(
        bootstrap_servers=scenario.system.bootstrap, group_id=f"{topics.prefix}-worker", enable_auto_commit=False
    )
    names = (f"{topics.prefix}.{topic}.v1" for topic in (CLICKS, REVIEWS, COMMANDS))
    places = [TopicPartition(name, number) for name in names for number in range(PARTITIONS)]
    consumer.assign(places)
    consumer.commit({place: OffsetAndMetadata(0, "", -1) for place in places})
    consumer.close()
