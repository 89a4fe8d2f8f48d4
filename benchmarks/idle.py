"""What `penchant local` costs while nothing happens, and how fast the first event after that is answered.

    python -m benchmarks.idle --seconds 60 --json idle.json

The system runs as people start it, over a made catalogue, and some events have been. Nobody reads or writes while it is
measured; the figure of each process is the CPU time that the kernel counted for it. After it, events are sent one by
one, each after a rest; then as many as before without one. An event's time is from before it is sent until its list has
been read, by clients on librdkafka. Everything shares the machine: other work on it makes the times longer, and the CPU
time, as caches are cold by then.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import click
import msgspec
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks import machine
from benchmarks.performance.load.workload import item_id
from benchmarks.performance.options import Bar, json_option, run_command
from benchmarks.performance.systems.local_system import MeasuredSystem, SystemOptions, cpu_seconds, running_system
from penchant.errors import Unavailable
from penchant.messages import Click, RecommendationList
from serving.terminal.printing import say

_REST_S = 5.0  # after the last event
_ANSWER_S = 30.0
_lists = msgspec.json.Decoder(RecommendationList)


def _cpu_shares(system: MeasuredSystem, seconds: float) -> dict[str, float]:
    """The percent of a core that each process takes in the next seconds."""
    processes = {"penchant local": [_parent(system)], **system.roles}
    began, before = time.monotonic(), {name: cpu_seconds(some) for name, some in processes.items()}
    time.sleep(seconds)
    passed_s = time.monotonic() - began
    return {name: 100 * (cpu_seconds(some) - before[name]) / passed_s for name, some in processes.items()}


def _parent(system: MeasuredSystem) -> psutil.Process:
    parent = system.roles["worker"][0].parent()
    if parent is None:
        raise Unavailable("penchant local has ended")
    return parent


class _OneByOne:
    """Sends clicks, each when the list of the one before has come."""

    def __init__(self, system: MeasuredSystem, producer: Producer, consumer: Consumer) -> None:
        self._topic = system.topics.clicks
        self._items = system.options.items
        self._producer = producer
        self._consumer = consumer
        self._sent = 0

    def event_ms(self) -> float:
        """Milliseconds of one event."""
        self._sent += 1
        event_id, user = secrets.token_hex(8), f"u{self._sent % 50}"
        message = Click(type="view", event_id=event_id, user_id=user, item_id=item_id(self._sent % self._items))
        began_s = time.monotonic()
        self._producer.produce(self._topic, msgspec.json.encode(message), user.encode())
        self._producer.poll(0)
        while time.monotonic() < began_s + _ANSWER_S:
            record = self._consumer.poll(0.05)
            value = record.value() if record is not None else None
            if value is not None and any(event.event_id == event_id for event in _lists.decode(value).folded):
                return 1000 * (time.monotonic() - began_s)
        raise Unavailable(f"no list named the event {event_id} in {_ANSWER_S:.0f} s")

    def after_rest_ms(self) -> float:
        """Milliseconds of an event after nothing has happened for a while."""
        time.sleep(_REST_S)
        return self.event_ms()


@contextmanager
def _one_by_one(system: MeasuredSystem) -> Iterator[_OneByOne]:
    """Clients of the system, gone afterwards: a consumer's fetches are the broker's work."""
    where = {"bootstrap.servers": system.where.bootstrap}
    wait = {} if system.options.fetch_wait_ms is None else {"fetch.wait.max.ms": system.options.fetch_wait_ms}
    consumer = Consumer({**where, **wait, "group.id": "idle", "enable.auto.commit": False})
    producer = Producer({**where, "partitioner": "murmur2", "linger.ms": 0})
    try:
        lists = consumer.list_topics(system.topics.recommendations).topics[system.topics.recommendations]
        ends = [TopicPartition(lists.topic, number, -1) for number in lists.partitions]  # -1: from the end
        consumer.assign(ends)
        consumer.poll(1.0)
        yield _OneByOne(system, producer, consumer)
        producer.flush(_ANSWER_S)
    finally:
        consumer.close()


def _measure(system: MeasuredSystem, seconds: float, events: int, firsts: int) -> dict[str, Any]:
    system.fill()
    with _one_by_one(system) as clients:
        for _ in range(events):
            clients.event_ms()
    time.sleep(_REST_S)
    shares = _cpu_shares(system, seconds)
    with _one_by_one(system) as clients:
        rests = [clients.after_rest_ms() for _ in range(firsts)]
        busy = sorted(clients.event_ms() for _ in range(events))
    return {
        "seconds": seconds,
        "items": system.options.items,
        "cpu_percent": {name: round(share, 2) for name, share in shares.items()},
        "total_percent": round(sum(shares.values()), 2),
        "first_event_ms": [round(each, 1) for each in rests],
        "one_in_flight_ms": {"p50": round(median(busy), 1), "p99": round(busy[int(0.99 * (len(busy) - 1))], 1)},
        "machine": machine.describe(),
    }


@click.command(epilog="Example: python -m benchmarks.idle --seconds 60")
@click.option("--seconds", type=click.FloatRange(1), default=60.0, show_default=True, help="Measured so long.")
@click.option("--items", type=click.IntRange(1), default=3000, show_default=True, help="Of the made catalogue.")
@click.option("--events", type=click.IntRange(1), default=200, show_default=True, help="Before, and as many after.")
@click.option("--firsts", type=click.IntRange(1), default=5, show_default=True, help="Events that come after a rest.")
@click.option("--kafka", is_flag=True, help="Apache Kafka instead of the embedded broker (Java 17, Maven).")
@json_option
def main(seconds: float, items: int, events: int, firsts: int, kafka: bool, file: Path | None) -> None:
    """Print the CPU time of an idle `penchant local`, and how fast the first event after that is answered."""

    def measured(_: Bar) -> dict[str, Any]:
        with running_system(SystemOptions(items=items, kafka=kafka)) as system:
            return _measure(system, seconds, events, firsts)

    run_command(measured, _show, file)


def _show(told: dict[str, Any]) -> None:
    say(f"{'process':<16} % of a core over {told['seconds']:g} s")
    for name, percent in [*told["cpu_percent"].items(), ("all", told["total_percent"])]:
        say(f"{name:<16} {percent:6.2f}")
    say(f"first events after a rest of {_REST_S:g} s: {', '.join(map(str, told['first_event_ms']))} ms")
    say("one in flight: p50 {p50} ms, p99 {p99} ms".format(**told["one_in_flight_ms"]))
    say("{cpu}, {cores} cores, load {load}, Python {python_s} s".format(**told["machine"]))


if __name__ == "__main__":
    main()
