"""Faults of what comes in: repeated, out of order, late, misplaced, packed, aborted, spoiled, too much of it."""

import time
from dataclasses import replace

import psutil
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from tests.faults.load import CLICKS, COMMANDS, REVIEWS
from tests.faults.planted import EXIT_CODE
from tests.faults.pump import TRANSACTIONAL, Mix, by_crc32
from tests.faults.stage import PARTITIONS, Stage, Unexpected
from tests.support.command import penchant
from tests.support.system import WorkerProcess

FAST = 1000.0  # messages/s
MOST_GROWTH = 300 * 2**20  # bytes of a worker's memory, while bombs come
MOST_WAIT_S = 10.0  # for a list, beside one user's burst
IDLE_S, IDLE_CI_S = 120.0, 5.0


def as_it_comes(stage: Stage) -> None:
    """The load itself is the fault."""
    stage.begin()
    stage.pour(rate=FAST)
    stage.poured()
    stage.over()


def other_partitioner(stage: Stage) -> None:
    """The producers put users where librdkafka's default does."""
    stage.choose = by_crc32
    as_it_comes(stage)


def sent_as(mix: Mix, stage: Stage) -> None:
    """The way in which it is sent is the fault."""
    stage.mix = mix
    as_it_comes(stage)


def with_bombs(stage: Stage) -> None:
    """The load itself is the fault, and the worker's memory is looked at."""
    (worker,) = stage.begin()
    process, most = psutil.Process(worker.child.pid), [0]
    before = process.memory_info().rss
    stage.pour(rate=FAST)

    def named() -> bool:
        most[0] = max(most[0], process.memory_info().rss)
        return stage.pumps[-1].share == 1.0 and stage.all_named()

    stage.wait(named, 120, "not every event got a list")
    if most[0] - before > MOST_GROWTH:
        raise Unexpected(f"the worker took {(most[0] - before) / 2**20:.0f} MiB more")
    stage.over()


def idle_behind_a_marker(stage: Stage) -> None:
    """Every partition ends with a transaction's marker, and then nothing comes: the worker stays, and its lag is 0."""
    (worker,) = stage.begin()
    stage.mix = TRANSACTIONAL
    stage.pour(rate=FAST)
    stage.poured()
    stage.wait(stage.all_named, 60, "not every event got a list")
    time.sleep(IDLE_S if stage.house.full else IDLE_CI_S)
    if worker.child.exit_code is not None:
        raise Unexpected(f"an idle worker ended with {worker.child.exit_code}\n{stage.last_lines()}")
    stage.wait(lambda: _lag(stage) == 0, 20, "the lag does not become 0 behind a marker")
    stage.over()


def one_hot_user(stage: Stage) -> None:
    """One user's thousands of clicks come at once; everybody else's events behind them get their lists in time."""
    hot = tuple(each for each in stage.load.messages if each.key in stage.load.hot)
    others = tuple(each for each in stage.load.messages if each.key not in stage.load.hot)
    stage.begin()
    stage.pour(replace(stage.load, messages=hot), rate=1e6)
    stage.poured()
    stage.pour(replace(stage.load, messages=others))
    stage.poured()
    stage.wait(stage.all_named, MOST_WAIT_S, f"others waited more than {MOST_WAIT_S:.0f} s for lists")
    stage.over()


def killed_by_a_record(stage: Stage) -> None:
    """One record ends whatever process folds it: two processes, and then it is put aside."""

    def start() -> WorkerProcess:
        return stage.worker(FAULT_RAISE="exit")

    worker = start()
    stage.ready(worker)
    stage.publish()
    stage.pour()
    for _ in range(2):
        stage.ended(worker, EXIT_CODE, 60)
        worker = start()
    stage.over()
    stage.ready(worker)


def _lag(stage: Stage) -> int:
    where = ["--bootstrap", stage.system.bootstrap, "--redis", stage.system.redis_url]
    told = penchant("doctor", "--json", *where, "--prefix", stage.system.topics.prefix)
    return int(told.json["lag"]["count"])


def delivered_again(stage: Stage) -> None:
    """Every record was sent twice, and the group's offsets are set back to the start between two workers."""
    first, second = stage.load.halves()
    (worker,) = stage.begin()
    stage.pour(first, rate=FAST)
    stage.poured()
    stage.wait(lambda: stage.all_named(first), 60, "the first half was not taken in")
    worker.child.ask_to_stop()
    stage.ended(worker, 0, 10)
    _to_the_start(stage)
    stage.pour(second, rate=FAST)
    stage.over()
    stage.worker()


def _to_the_start(stage: Stage) -> None:
    topics = stage.system.topics
    consumer = KafkaConsumer(
        bootstrap_servers=stage.system.bootstrap, group_id=f"{topics.prefix}-worker", enable_auto_commit=False
    )
    names = (f"{topics.prefix}.{topic}.v1" for topic in (CLICKS, REVIEWS, COMMANDS))
    places = [TopicPartition(name, number) for name in names for number in range(PARTITIONS)]
    consumer.assign(places)
    consumer.commit({place: OffsetAndMetadata(0, "", -1) for place in places})
    consumer.close()
