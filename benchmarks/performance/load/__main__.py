"""`python -m benchmarks.performance.load`: sends events by a plan from standard input, and takes in what answers them.

Two threads on librdkafka: one sends when an event is due, the other takes in lists. Neither waits for the other, but in
a closed loop. Messages are made beforehand; the garbage collector is off.
"""

import gc
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from benchmarks.performance.load.matching import LOST_MS, Ledger
from benchmarks.performance.load.plan import Answer, Plan
from benchmarks.performance.load.schedule import due
from benchmarks.performance.load.workload import Sent, messages

_POLL_S = 0.02
_TELL_EVERY_S = 0.25
_SWITCH_S = 0.0002  # Python's own 5 ms between threads would be seen in the figures


class Collector(threading.Thread):
    """Takes in lists as they come, from the end of the topic on."""

    def __init__(self, plan: Plan, ledger: Ledger, told: Callable[[int], None]) -> None:
        super().__init__(daemon=True)
        self._ledger, self._told = ledger, told
        self._ended = threading.Event()
        options: dict[str, Any] = {
            "bootstrap.servers": plan.bootstrap,
            "group.id": plan.run,
            "enable.auto.commit": False,
        }
        if plan.fetch_wait_ms is not None:
            options["fetch.wait.max.ms"] = plan.fetch_wait_ms
        self._consumer = Consumer(options)
        self._consumer.assign(self._ends(plan.recommendations))
        self._consumer.poll(0.5)  # connected, and the first fetch under way

    def _ends(self, topic: str) -> list[TopicPartition]:
        partitions = self._consumer.list_topics(topic, timeout=30).topics[topic].partitions
        places = [TopicPartition(topic, number) for number in partitions]
        return [
            TopicPartition(topic, place.partition, self._consumer.get_watermark_offsets(place, timeout=30)[1])
            for place in places
        ]

    def run(self) -> None:
        """Until `end`."""
        while not self._ended.is_set():
            message = self._consumer.poll(_POLL_S)
            if message is None:
                continue
            at_s = time.perf_counter()
            if message.error() is not None:
                raise KafkaException(message.error())
            if (value := message.value()) is not None and (fresh := self._ledger.take(value, at_s)):
                self._told(fresh)

    def end(self) -> None:
        """Hang up."""
        self._ended.set()
        self.join()
        self._consumer.close()


class Generator:
    """One run of a plan. `times`: due_s, `(n,)`, when events were to be sent, sent_s, when they were."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        random = np.random.default_rng([plan.workload.seed, 2])
        whole_s = plan.warm_up_s + plan.seconds
        if plan.in_flight:
            self.due_s: npt.NDArray[np.float64] = np.full(int(whole_s * 1000 * plan.in_flight), np.nan)
        else:
            self.due_s = due(plan.rate, whole_s, random, fixed=plan.fixed)
        self.sent_s = np.full(len(self.due_s), np.nan)
        self.messages = messages(plan.workload, plan.run, len(self.due_s))
        self.ledger = Ledger(plan.run, len(self.due_s))
        self.sent = 0
        self.measured_from = 0  # number of the first event after warming up
        self._places = threading.Semaphore(plan.in_flight)
        self._producer = Producer(
            {
                "bootstrap.servers": plan.bootstrap,
                "partitioner": "murmur2",
                "linger.ms": plan.linger_ms,
                "acks": "all",
                "socket.nagle.disable": True,
                "delivery.report.only.error": True,
                "on_delivery": _confirmed,
            }
        )

    def run(self) -> None:
        """Send everything, and wait until all of it was answered or is lost."""
        collector = Collector(self._plan, self.ledger, self._answered)
        collector.start()
        teller = threading.Thread(target=self._keep_telling, daemon=True)
        self._tell("warming")
        self.began_s = time.perf_counter() + _TELL_EVERY_S
        teller.start()
        (self._closed if self._plan.in_flight else self._open)()
        self._producer.flush(30)
        deadline = time.perf_counter() + self._plan.patience_s
        quiet_from, received = time.perf_counter(), self.ledger.received
        while self.ledger.received < self.sent and time.perf_counter() < deadline:
            time.sleep(_POLL_S)
            if self.ledger.received > received:
                quiet_from, received = time.perf_counter(), self.ledger.received
            if time.perf_counter() > quiet_from + self._plan.quiet_s:
                break
        self.ended_s = time.perf_counter()
        collector.end()
        self._tell("done")

    def write(self) -> None:
        """The arrays, of the events after warming up; times by the monotonic clock."""
        these = slice(self.measured_from, self.sent)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        np.savez(
            self._plan.file,
            due_s=self.due_s[these],
            sent_s=self.sent_s[these],
            seen_s=self.ledger.seen_s[these],
            review=np.array([message.review for message in self.messages[these]], np.bool_),
            lists=self.ledger.lists,
            moved=self.ledger.moved,
            cpu_s=usage.ru_utime + usage.ru_stime - self.cpu_before_s,
            events=self.sent,
        )

    def _open(self) -> None:
        self.due_s += self.began_s
        measured_s = self.began_s + self._plan.warm_up_s
        with self._counted():
            for n, (at_s, message) in enumerate(zip(self.due_s.tolist(), self.messages, strict=True)):
                if at_s >= measured_s and not self.measuring:
                    self._measure(n)
                while (left_s := at_s - time.perf_counter()) > 0:
                    time.sleep(left_s)
                self.sent_s[n] = time.perf_counter()
                self._send(message)

    def _closed(self) -> None:
        end_s = self.began_s + self._plan.warm_up_s + self._plan.seconds
        with self._counted():
            for n, message in enumerate(self.messages):
                if not self._places.acquire(timeout=LOST_MS / 1000):
                    self._places.release()  # it is lost, and the loop goes on
                now_s = time.perf_counter()
                if now_s >= end_s:
                    break
                if now_s >= self.began_s + self._plan.warm_up_s and not self.measuring:
                    self._measure(n)
                self.due_s[n] = self.sent_s[n] = time.perf_counter()
                self._send(message)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.cpu_before_s = usage.ru_utime + usage.ru_stime
        self.measuring = False
        gc.collect()
        gc.disable()
        yield

    def _measure(self, first: int) -> None:
        self.measuring, self.measured_from = True, first
        self._tell("measuring")

    def _send(self, message: Sent) -> None:
        topic = self._plan.reviews if message.review else self._plan.clicks
        while True:
            with suppress(BufferError):
                self._producer.produce(topic, message.value, message.key)
                break
            self._producer.poll(0.001)
        self.sent += 1
        self._producer.poll(0)

    def _answered(self, events: int) -> None:
        if self._plan.in_flight:
            self._places.release(events)

    def _keep_telling(self) -> None:
        while True:
            time.sleep(_TELL_EVERY_S)
            if self.measuring:
                self._tell("measuring")

    def _tell(self, phase: Any) -> None:
        answer = Answer(phase=phase, sent=self.sent, received=self.ledger.received, of=len(self.due_s))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _confirmed(error: Any, _: Any) -> None:
    """Of what the broker refuses."""
    if error is not None:
        print(f"not delivered: {error}", file=sys.stderr)


def main() -> None:
    """Run the plan that standard input has."""
    sys.setswitchinterval(_SWITCH_S)
    generator = Generator(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))
    generator.run()
    generator.write()


if __name__ == "__main__":
    main()
