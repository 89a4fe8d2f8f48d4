"""Follows whole topics in a thread, without a group, whatever happens to the broker. It ends only when it is told to.

A topic that was made anew under its name is another topic: it is read from its beginning, and what was read of the old
one counts no more.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from threading import Event, Thread
from typing import Any, Protocol

from kafka import TopicPartition

from penchant.errors import Misconfigured
from penchant.kafka.blocking import BlockingConsumer
from penchant.kafka.reachable import check_reachable

__all__ = ["Follower", "Sink", "consumer_options"]

_POLL_MS, _AT_ONCE = 200, 500
_FEW, _APART_S = 100, 0.005  # records: after so few a fetch waits a little, or each would be fetched by itself
_HELD_MS, _LONGEST_HELD_MS = 500, 2_000  # fetches, where nothing else is asked for; and after the longest silence
# Seconds since the last record; then they are held for so long.
_IDLE = ((30.0, _LONGEST_HELD_MS), (10.0, 1_000), (2.0, 500))
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_SILENT_S = 3.0  # beyond the time that the broker may keep a fetch: then another client is made
_STOP_S = 15.0  # a bootstrap that is under way ends within it
_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Takes in what is read, all of it in the follower's thread."""

    def begin(self, partitions: Mapping[str, Collection[int]]) -> None:
        """Reading begins with the first record: the topics have so many partitions."""

    def take(self, record: Any) -> None:
        """Take in a record, kafka-python's ConsumerRecord."""

    def caught_up(self) -> None:
        """All was read that stood there when reading began."""


Scope = Callable[[str, Collection[int]], Collection[int]]


def consumer_options(bootstrap: str, options: Mapping[str, object]) -> dict[str, Any]:
    """Options of a kafka-python consumer that notices what changes within seconds; `options` win."""
    return {
        "bootstrap_servers": bootstrap,
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "allow_auto_create_topics": False,
        "enable_incremental_fetch_sessions": False,  # so that every answer names every partition
        "metadata_max_age_ms": 5_000,
        "reconnect_backoff_max_ms": 1_000,
        "bootstrap_timeout_ms": 10_000,
        **options,
    }


def _idle_ms(silent_s: float) -> int:
    """How long a fetch is held, and waited for, when nothing has come for so long; 0: as while records come.

    >>> [_idle_ms(1.0), _idle_ms(3.0), _idle_ms(60.0)]
    [0, 500, 2000]
    """
    return next((held_ms for after_s, held_ms in _IDLE if silent_s > after_s), 0)


class Follower:
    """options: of the consumer. scope: which of a topic's partitions are read.

    since: by topic and partition where reading begins the first time; where nothing is said, at the first record.
    problem: why nothing can be read now, "" if it can. heard_s: when the broker was heard last, by `time.monotonic`.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        topics: Collection[str],
        scope: Scope,
        sink: Sink,
        since: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self.problem = "nothing was read yet"
        self.heard_s = time.monotonic()
        self._options = options
        self._held_ms = int(options.get("fetch_max_wait_ms", _HELD_MS))
        self._silent_s = _SILENT_S + max(self._held_ms, _LONGEST_HELD_MS) / 1000
        self._topics = topics
        self._scope = scope
        self._sink = sink
        self._stopping = Event()
        self._known: dict[str, tuple[object, tuple[int, ...]]] = {}
        self._since = {TopicPartition(*place): offset for place, offset in (since or {}).items()}
        self._reached: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] | None = {}  # where partitions ended; None once all was read
        self._thread = Thread(target=self._run, name=f"follow {', '.join(topics)}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for that."""
        self._stopping.set()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            began_s = time.monotonic()
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001 - anything that a client raises passes, or is said for ever
                self._note(str(error) or type(error).__name__)
            pause_s = _FIRST_PAUSE_S if time.monotonic() - began_s > _LONGEST_PAUSE_S else 2 * pause_s
            self._stopping.wait(min(pause_s, _LONGEST_PAUSE_S))

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            _log.warning("%s cannot be followed (%s); trying again", " and ".join(self._topics), problem)
        self.problem = problem

    def _follow(self) -> None:
        check_reachable(self._options["bootstrap_servers"], options=self._options)
        with closing(BlockingConsumer(**self._options)) as consumer:
            self._begin(consumer)
            came_s = began_s = time.monotonic()
            while not self._stopping.is_set():
                idle_ms = _idle_ms(time.monotonic() - came_s)
                consumer.hold(max(self._held_ms, idle_ms))
                came = consumer.poll(idle_ms or _POLL_MS, _AT_ONCE)
                for partition, records in came.items():
                    came_s = time.monotonic()
                    if records[0].offset < self._reached.get(partition, 0):
                        self._known = {}  # a broker without topic ids: only another topic goes back
                        return
                    self._take(records)
                    self._reached[partition] = records[-1].offset + 1
                if consumer.heard_s > self.heard_s:
                    self.heard_s, self.problem = consumer.heard_s, ""
                if self._ends is not None:
                    self._look_for_the_end(consumer)
                if time.monotonic() - max(self.heard_s, began_s) > self._silent_s:
                    return  # kafka-python leaves a socket open with each attempt to connect
                if any(consumer.topic_id(name) not in {None, known} for name, (known, _) in self._known.items()):
                    return
                if 0 < sum(map(len, came.values())) < _FEW:
                    self._stopping.wait(_APART_S)

    def _begin(self, consumer: BlockingConsumer) -> None:
        found = {name: tuple(sorted(consumer.partitions_for_topic(name))) for name in self._topics}
        if missing := [name for name, numbers in found.items() if not numbers]:
            raise Misconfigured(
                f"the topic {missing[0]} is missing, or this user may not see it: "
                "create it with `penchant topics create`"
            )
        known = {name: (consumer.topic_id(name), numbers) for name, numbers in found.items()}
        if known != self._known:
            self._reached = {} if self._known else dict(self._since)
            self._known, self._ends = known, {}
            self._sink.begin(found)
        partitions = [TopicPartition(name, n) for name, numbers in found.items() for n in self._scope(name, numbers)]
        consumer.assign(partitions)
        for partition in partitions:
            if partition in self._reached:
                consumer.seek(partition, self._reached[partition])
            else:
                consumer.seek_to_beginning(partition)

    def _take(self, records: list[Any]) -> None:
        for record in records:
            try:
                self._sink.take(record)
            except Exception:  # noqa: BLE001 - one record's fault is not the others'
                _log.exception("%s-%d-%d is left out", record.topic, record.partition, record.offset)

    def _look_for_the_end(self, consumer: BlockingConsumer) -> None:
        ends = self._ends if self._ends is not None else {}
        partitions = consumer.assignment()
        for partition in partitions - ends.keys():
            if (end := consumer.end(partition)) is not None:
                ends[partition] = end
        if len(ends) == len(partitions) and all(consumer.position(each) >= end for each, end in ends.items()):
            self._ends = None
            self._sink.caught_up()
