"""Faust's Kafka consumer, made to begin where the store says, and to hold user topics back until items are known.

Six seams of Faust 0.15.3 are used, all by subclassing: `Consumer.perform_seek`, which it awaits after every
rebalance before any stream resumes; `_getmany`, since a fetch runs in a thread of its own and may end after a seek that
it began before; `pause_partitions`, which stops a partition at the consumer and not in the agents' channels (a full
channel would starve the other topics); `ack`, to know how many bytes are under way; `wait_first`, by which each record
is delivered; and the consumer thread, as Faust fixes the fetch wait at 1.5 s and reads what transactions have not
committed.
"""

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol, cast

import uvloop
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP
from mode.services import WaitResults

from serving.kafka.asynchronous import COMMITTED, prepare
from serving.kafka.paced_fetches import pace
from serving.kafka.polled_fetches import poll
from stream.kafka.assignment import Partitions, Reading
from stream.kafka.leader_epochs import ReadUpTo

_MOST_UNDER_WAY = 64 * 1024 * 1024  # bytes of records that were delivered and not processed; more are not fetched
_ROOM_LOOK_S = 1.0
_DELIVERY = 2  # what `Consumer._drain_messages` waits for: the delivery of a record, and that the flow is suspended
_log = logging.getLogger(__name__)


class Assignment(Protocol):
    """What a worker does when partitions come and go."""

    @property
    def open(self) -> bool:
        """Whether user topics may flow."""
        ...

    @property
    def partitions(self) -> Partitions:
        """Those of the user topics."""
        ...

    async def give_back(self) -> None:
        """Do what is to be done before the group assigns partitions again."""
        ...

    def spare(self) -> None:
        """Note that the group has nothing for this worker, or topics are gone: what it holds it goes on watching."""
        ...

    async def begin(self, assigned: set[TP]) -> dict[TP, int | None]:
        """Acquire what is new, release what is gone. Returns the next offset that each partition's states need."""
        ...

    async def replaced(self, came: Mapping[TP, ReadUpTo]) -> set[TP]:
        """Of which partitions the records that came lie where others were read before."""
        ...


class _Thread(AIOKafkaConsumerThread):
    logger = logging.getLogger("faust.consumer")

    positions: Mapping[TP, int] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, thread_loop=uvloop.new_event_loop(), **kwargs)
        self._close_thread_loop_on_stop = True  # mode closes only a loop that it has made
        self.given: dict[TP, int] = {}  # where the last record that the client gave out ended, or reading began
        self._given_of: Any = None  # the assignment that it is of

    def _create_worker_consumer(self, transport: Any) -> Any:
        prepare()
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = COMMITTED
        mine = cast("WorkerTransport", transport)
        if mine.fetch_wait_ms == 0:
            poll(consumer)
        elif mine.fetch_wait_ms is not None:
            consumer._fetch_max_wait_ms = mine.fetch_wait_ms
        pace(consumer, mine.apart_s)
        return consumer

    def seek(self, partition: TP, offset: int) -> None:
        """Read on from another place."""
        super().seek(partition, offset)
        self.given[partition] = offset

    async def _fetch_records(self, consumer: Any, *arguments: Any, **options: Any) -> Any:
        """Fetch, and note where reading stands: markers and aborted transactions move it, and are no records.

        Whoever asked may have given the fetch up, in a rebalance. It ends all the same, and its records are gone: so
        each record has in `checksum`, which Kafka gave up, where the one ended that the client gave out before it.
        """
        assignment = self._assignment_of(consumer)
        if assignment is not self._given_of or assignment is None or len(self.given) < len(assignment.tps):
            self._note_positions(assignment)
        records = await super()._fetch_records(consumer, *arguments, **options)
        for tp, some in records.items():
            at = self.given.get(TP(tp.topic, tp.partition))
            for record in some:
                record.checksum, at = at, record.offset + 1
            self.given[TP(tp.topic, tp.partition)] = some[-1].offset + 1
        self._note_positions(self._assignment_of(consumer))
        return records

    def _assignment_of(self, consumer: Any) -> Any:
        return consumer._subscription.subscription.assignment if consumer.assignment() else None

    def _note_positions(self, assignment: Any) -> None:
        states = {tp: assignment.state_value(tp) for tp in assignment.tps} if assignment is not None else {}
        self.positions = {
            TP(tp.topic, tp.partition): state.position for tp, state in states.items() if state.has_valid_position
        }
        if assignment is not self._given_of:
            self._given_of, self.given = assignment, {}
        for tp, position in self.positions.items():
            self.given.setdefault(tp, position)


class WorkerConsumer(Consumer):
    """See the module."""

    logger = logging.getLogger("faust.consumer")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seeking = asyncio.Lock()
        self._seeks: dict[TP, int] = {}  # how often the consumer was sent to another place
        self._reading: dict[TP, Reading] = {}
        self._follows: dict[TP, int] = {}  # where the last record ended, or reading began
        self._handed_out: defaultdict[TP, deque[int]] = defaultdict(deque)  # offsets that are not committed yet
        self._under_way: Counter[TP] = Counter()  # bytes
        self._room = asyncio.Event()

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Go to where the store's states stand; the group's committed offsets only show lag."""
        assignment = cast("WorkerTransport", self.transport).assignment
        async with self._seeking:
            await super().perform_seek()
            assigned: set[TP] = set(self.assignment())
            positions = await assignment.begin(assigned)
            self._follows.update((tp, self._read_offset[tp] or 0) for tp in assigned)
            self._follows.update((tp, at or 0) for tp, at in positions.items())
            # The group's committed offsets have just been sought: what equals them needs no second seek.
            await self.go_to({tp: at for tp, at in positions.items() if at is None or at != self._read_offset[tp]})
            self._count(assigned)
        if not assignment.open:
            self.pause_partitions(assignment.partitions.of_users(assigned))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give partitions back in order: whoever gets them next sees that nobody died over them."""
        await cast("WorkerTransport", self.transport).assignment.give_back()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take over what the group assigned. Where that is nothing Faust seeks nothing, and so would not tell."""
        if not assigned:
            cast("WorkerTransport", self.transport).assignment.spare()
        await super().on_partitions_assigned(assigned, generation_id)

    async def seek(self, partition: TP, offset: int) -> None:
        """Read on from another place."""
        self._count({partition})
        self._follows[partition] = offset
        await super().seek(partition, offset)

    async def _seek(self, partition: TP, offset: int) -> None:
        """Have the client seek where it lives: from another thread it would take away what a fetch is just reading."""

        async def there() -> None:
            self._thread.seek(partition, offset)

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), self._thread.thread_loop))

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's own
        """Fetch. What a seek overtook is from before it, and may have undone it: dropped, and the seek made again.

        A record's `checksum` says where the last one ended: between the two nothing can be read, whatever their
        offsets (markers, aborted transactions, what compaction or retention took).
        """
        await self._wait_for_room()
        await self._read_again_what_was_given_up()
        before = dict(self._seeks)
        records = await super()._getmany(active_partitions, timeout)
        came = {tp: ReadUpTo(some[-1].leader_epoch, some[-1].offset + 1) for tp, some in records.items() if some}
        replaced = await cast("WorkerTransport", self.transport).assignment.replaced(came)
        records = {tp: some for tp, some in records.items() if tp not in replaced}
        positions = cast("_Thread", self._thread).positions
        async with self._seeking:
            if overtaken := {tp for tp in records if self._seeks.get(tp) != before.get(tp)}:
                for tp in overtaken & self.assignment():
                    offset = self._read_offset[tp]
                    await self._seek(tp, (await self.earliest_offsets(tp))[tp] if offset is None else offset)
            for tp, position in positions.items():
                known = self.reading(tp)
                if position != known.position and self._seeks.get(tp) == before.get(tp):
                    self._reading[tp] = Reading(position, records[tp][-1].offset if records.get(tp) else known.last)
        # Looked up again, and nothing is awaited from here on: another partition may have been sent back meanwhile.
        records = {tp: some for tp, some in records.items() if self._seeks.get(tp) == before.get(tp)}
        records = {tp: some for tp, some in records.items() if self._is_whole(tp, some)}
        for tp, some in records.items():
            self._under_way[tp] += sum(len(record.value or b"") for record in some)
            if some:
                some[0].checksum = self._follows.get(tp)
                self._follows[tp] = some[-1].offset + 1
            self._handed_out[tp].extend(record.offset for record in some)
        return records

    async def _read_again_what_was_given_up(self) -> None:
        """Go back to where the client gave out records that never came here."""
        given = dict(cast("_Thread", self._thread).given)
        if behind := {tp for tp, at in given.items() if at > self._follows.get(tp, at)}:
            async with self._seeking:
                for tp in behind & self.assignment():
                    _log.info("%s-%d: a fetch was given up; reading again from offset %d", *tp, self._follows[tp])
                    await self.seek(tp, self._follows[tp])

    def _is_whole(self, tp: TP, records: Any) -> bool:
        """Whether nothing was given out between the records that came before and these."""
        after = records[0].checksum if records else None
        return after is None or after <= self._follows.get(tp, after)

    def reading(self, partition: TP) -> Reading:
        """How far a partition was read since the consumer was last sent elsewhere."""
        return self._reading.get(partition, Reading())

    def ack(self, message: Any) -> bool:
        """Note that a record was taken in."""
        self._under_way[message.tp] -= len(message.value or b"")
        self._room.set()
        return super().ack(message)

    def _new_offset(self, tp: TP) -> int | None:
        """Where the unbroken run of acknowledged records ends, None if it has not moved.

        In place of Faust's, which counts offsets: where some are not there it may wait for them for ever.
        """
        committed, acked, pending = self._committed_offset[tp] or 0, self._acked_index[tp], self._handed_out[tp]
        following = None
        while pending and (pending[0] in acked or pending[0] < committed):
            acked.discard(pending[0])
            following = pending.popleft() + 1
        self._acked[tp][:] = [offset for offset in self._acked[tp] if offset in acked]
        return following

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: `_new_offset` knows which records there are."""

    async def _wait_for_room(self) -> None:
        """Delay a fetch while what was delivered takes too much memory; look again each second in any case."""
        if sum(self._under_way.values()) > _MOST_UNDER_WAY:
            self._room.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), _ROOM_LOOK_S)

    async def verify_all_partitions_active(self) -> None:
        """Nothing: Faust would look at every partition again and again, to write a line into the log.

        stream/monitoring/watchdog.py ends a worker that does nothing.
        """

    async def commit_passed(self) -> None:
        """Commit what lies behind the last record, if all were acknowledged: the group's lag counts offsets."""
        if not self.flow_active or not self._reading:
            return
        committed = {tp: self._committed_offset[tp] or 0 for tp in self.assignment()}
        passed = {
            tp: reading.position
            for tp in committed
            if (reading := self.reading(tp)).position > committed[tp] and reading.last < committed[tp]
        }
        if passed:
            self._committed_offset.update(passed)
            await self._commit(passed)

    async def wait_first(self, *coros: Any, timeout: Any = None) -> Any:  # noqa: ASYNC109 - Faust's own
        """Deliver a record at once, unless the flow is suspended.

        Faust makes four tasks for it, and waits some iterations of the event loop. While a batch is processed these are
        few: records would trickle into the channels, and batches be smallest when most is waiting.
        """
        flows = not self.suspend_flow.is_set() and self.app.flow_control.is_active()
        if len(coros) != _DELIVERY or timeout is not None or not flows:
            return await super().wait_first(*coros, timeout=timeout)
        delivery, suspended = coros
        suspended.close()
        await delivery
        return WaitResults([delivery], [None], stopped=False)

    def _count(self, sought: set[TP]) -> None:
        self._seeks.update((tp, self._seeks.get(tp, 0) + 1) for tp in sought)
        for tp in sought:
            self._reading.pop(tp, None)
            self._under_way.pop(tp, None)
            self._handed_out.pop(tp, None)

    async def go_to(self, positions: Mapping[TP, int | None]) -> None:
        """Read on from these offsets; None: from the partition's start.

        Also if Faust's own offset is the same: that is of the last record it delivered, which may have been refused.
        """
        ahead: dict[TP, int] = {}
        for partition, following in positions.items():
            committed = self._read_offset[partition]
            if following is None and committed is not None:
                # The group is ahead of a store that knows nothing: it was emptied. Rebuild it from the log.
                earliest = await self.earliest_offsets(partition)
                await self.seek(partition, earliest[partition])
            elif following is not None:
                await self.seek(partition, following)
                if following > (committed or 0):
                    ahead[partition] = following
        if ahead:
            # Saved, but not acknowledged before a worker died: Faust would wait for these acknowledgements for ever.
            self._committed_offset.update(ahead)
            await self._commit(ahead)

    def let_flow(self) -> None:
        """Resume the user topics, once what they are ranked against is known."""
        assignment = cast("WorkerTransport", self.transport).assignment
        with suppress(ConsumerNotStarted):  # it holds nothing back yet, and will not: the assignment is open
            self.resume_partitions(assignment.partitions.of_users(set(self.assignment())))


class WorkerTransport(Transport):
    """Carries what the consumer needs of the worker. apart_s: how long it leaves between fetches of few records."""

    Consumer = WorkerConsumer

    def __init__(
        self, app: Any, assignment: Assignment, fetch_wait_ms: int | None = None, apart_s: float = 0.0
    ) -> None:
        super().__init__(app.conf.broker_consumer, app, app.loop)
        self.assignment = assignment
        self.fetch_wait_ms = fetch_wait_ms
        self.apart_s = apart_s


class AppConsumer:
    """The consumer of an app, which makes it when it starts: what a worker asks of it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    @property
    def _consumer(self) -> WorkerConsumer:
        return cast("WorkerConsumer", self._app.consumer)

    async def go_to(self, positions: Mapping[TP, int | None]) -> None:
        """See `WorkerConsumer.go_to`."""
        await self._consumer.go_to(positions)

    def reading(self, partition: TP) -> Reading:
        """See `WorkerConsumer.reading`."""
        return self._consumer.reading(partition)

    async def commit_passed(self) -> None:
        """See `WorkerConsumer.commit_passed`."""
        await self._consumer.commit_passed()

    def let_flow(self) -> None:
        """See `WorkerConsumer.let_flow`."""
        self._consumer.let_flow()
