"""Faults of what comes in: repeated, out of order, late, on the wrong partition, spoiled."""

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from tests.faults.load import CLICKS, COMMANDS, REVIEWS
from tests.faults.pump import by_crc32
from tests.faults.stage import PARTITIONS, Stage

FAST = 1000.0  # messages/s


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
