"""From a micro-batch to refreshed lists: decode → embed → load → fold → side effects and rank → save → publish.

Read this file to know what Penchant does. The order is what makes it safe: whatever must not be lost (co-visits for the
item statistics, dead letters, forwarded copies) is acknowledged by the log before the state is saved with the offsets
in it; lists are made while the log is waited for. They go out after, and receipts, noted in the store until they did. A
batch that comes again changes nothing and publishes its lists once more. A record that raises what nobody foresaw
becomes a dead letter, and everybody else is served (stream/containment/faults.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import NamedTuple

from penchant.errors import Rejected
from serving.state.user_state import PendingEvent, Retraction, Vector
from stream.containment.faults import Guard, by_halves
from stream.events.dead_letters import quarantined
from stream.events.decoder import Decoder
from stream.events.encoder_input import EncoderInput, assemble, texts_to_encode
from stream.events.records import DeadLetter, Record, Reroute
from stream.processing.apply import apply
from stream.processing.batch import Context, Limits, PartitionBatch, Trigger, VectorOf, WorkItem
from stream.processing.due import Pending, expired
from stream.processing.effects import Effects, RankedLists
from stream.processing.intake import Intake
from stream.processing.observer import Observer, Unobserved
from stream.processing.partition_locks import PartitionLocks
from stream.processing.pending_events import MERGES, TEXTS, overdue, record_of, waiters
from stream.processing.retract import unread
from stream.store.base import Lease, UserStore
from stream.store.pending_index import PendingIndex
from stream.store.published_lists import PublishedLists

_TURNS = 4  # of the event loop: the client writes a request in the third
Embed = Callable[[Sequence[str]], Awaitable[Mapping[str, Vector]]]  # texts the encoder missed are left out


class Attempt(NamedTuple):
    """The partitions' batches that were saved, and those that the store refused."""

    saved: list[PartitionBatch]
    refused: list[PartitionBatch]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One at a time for a partition: embedding comes before its lock, which lies around load … publish.

    intake, effects: where batches come from and what they cause; a replay has others (stream/rebuild/replay_ports.py).
    late_after_s: a batch that took longer may have been published after another worker took over.
    published: what the lists hold that `effects` publish, which a later batch saves.
    """

    intake: Intake
    effects: Effects
    decoder: Decoder
    embedder: Embed
    items: VectorOf
    store: UserStore
    waiting: PendingIndex
    limits: Limits
    fingerprint: str
    clock: Callable[[], int]
    guard: Guard
    late_after_s: float = 3.0
    published: PublishedLists = field(default_factory=PublishedLists)
    observer: Observer = field(default_factory=Unobserved)
    locks: PartitionLocks = field(default_factory=PartitionLocks)

    async def process(
        self, records: Sequence[Record], leases: Mapping[int, Lease] | None = None
    ) -> tuple[list[Record], list[PartitionBatch]]:
        """Process records. Returns those that are done, to be acknowledged, and the batches that the store refused.

        leases: by partition, of when the records came; None: of now. What was acquired again since is refused:
        saved on top of an older copy of the states, it would hide what lies between.
        """
        leases = leases or self.leases(records)

        async def some(records: Sequence[Record]) -> Attempt:
            with self.observer.stage("decode"):
                batches = self.intake.decode(records, leases)
            texts = await self.embed(batches)
            async with self.alone(batches):
                saved = await self.run(batches, texts)
            self.guard.faults.fine()
            return Attempt(saved, [batch for batch in batches if batch not in saved])

        async def one(record: Record, error: Exception) -> Attempt:
            before, after = leases[record.partition], self.store.lease(record.partition)
            batch = self.intake.contain(record, error, before)
            if before.offsets.get(record.topic, 0) <= record.offset < after.offsets.get(record.topic, 0):
                await self.effects.send_dead_letters(batch.dead)
                return Attempt([batch], [])  # it had been saved before it raised
            async with self.alone([batch]):
                saved = await self.run([batch], {})
            return Attempt(saved, [] if saved else [batch])

        outcomes = await by_halves(records, some, one)
        done = [record for outcome in outcomes for batch in outcome.saved for record in batch.records]
        return done, [batch for outcome in outcomes for batch in outcome.refused]

    def leases(self, records: Iterable[Record]) -> dict[int, Lease]:
        """How the partitions of records stand now."""
        return {number: self.store.lease(number) for number in {record.partition for record in records}}

    async def on_items_available(self, item_ids: Iterable[str]) -> None:
        """Fold the events that wait for these items, which have a vector now."""
        await self.resume_pending(self.waiting.users(item_ids), Trigger.WOKEN)

    async def retry_missed_texts(self, most: int) -> int:
        """Fold what is pending because the encoder missed its text, of `most` users; the others follow the next time.

        Returns how many texts it read now.
        """
        return await self.resume_pending(self.waiting.next_users(TEXTS, most), Trigger.MISSED)

    async def expire(self) -> None:
        """Make dead letters of the events and retractions that have waited too long."""
        await self.resume_pending(self.waiting.overdue(self.clock()), Trigger.EXPIRED)

    async def resend_transfers(self) -> None:
        """Send again to the owners of other users what they have not answered (stream/processing/merge.py)."""
        users = self.waiting.users([MERGES])
        await self.take_in([Pending(n, user, None, Trigger.UNANSWERED) for n, ids in users.items() for user in ids])

    async def resume(self, partition: int) -> None:
        """Publish a partition's unpublished lists and receipts: its worker may have died between save and publish."""
        async with self.locks.hold([partition]), self.guard.quarantine.lists(partition) as may_be_made:
            if not may_be_made:
                self.store.mark_published(partition, self.store.lease(partition).token)
            await self.run([PartitionBatch(partition)], {})

    async def resume_pending(self, users: Mapping[int, Sequence[str]], trigger: Trigger) -> int:
        """Process what is pending of some users (partition -> user ids). Returns how many texts were read."""
        found = [await self.look_up(partition, ids, trigger) for partition, ids in users.items()]
        return await self.take_in([each for some in found for each in some])

    async def take_in(self, pending: Sequence[Pending]) -> int:
        """Process what does not come from the log. Returns how many texts were read."""
        quarantine = self.guard.quarantine

        async def some(pending: Sequence[Pending]) -> int:
            batches = {each.partition: PartitionBatch(each.partition) for each in pending}
            async with quarantine.waiting(list(batches), [record_of(e.entry) for e in pending if e.entry is not None]):
                for each in pending:
                    batches[each.partition].inputs.append(self._input(each))
                texts = await self.embed(batches.values())
                async with self.alone(batches.values()):
                    await self.run(list(batches.values()), texts)
            return len(texts)

        async def one(each: Pending, error: Exception) -> int:
            if each.entry is None or each.dead_letter is not None:  # it stays where it is, and is tried again
                self.guard.faults.note(f"what waits in partition {each.partition}", "fold", error)
                return 0
            return await some([each._replace(dead_letter=self.guard.faults.dead_letter(record_of(each.entry), error))])

        apart = [[each] for each in pending if each.entry is not None and quarantine.suspected(record_of(each.entry))]
        together = [each for each in pending if [each] not in apart]
        return sum([sum(await by_halves(group, some, one)) for group in (*apart, together) if group])

    def alone(self, batches: Iterable[PartitionBatch]) -> AbstractAsyncContextManager[None]:
        """While nobody else works on these partitions, nor on those whose users' states were handed over."""
        batches = list(batches)
        senders = {sender.partition for batch in batches for sender in batch.senders}
        return self.locks.hold(senders | {batch.partition for batch in batches})

    async def run(self, batches: list[PartitionBatch], texts: Mapping[EncoderInput, Vector]) -> list[PartitionBatch]:
        """Load … publish. Returns the batches that were saved; the others belong to another worker."""
        context = Context(self.items, texts, self.decoder.read_again, self.limits, self.clock(), self.fingerprint)
        with self.observer.stage("load"):
            loaded = await asyncio.gather(*[self.load(batch, context) for batch in batches])
        batches = [batch for batch, mine in zip(batches, loaded, strict=True) if mine]
        began_s = monotonic()
        with self.observer.stage("fold"):
            for batch in batches:
                self.observer.loaded(batch)
                apply(batch)
                batch.answers += unread(batch.dead, self.decoder.commands, context.now_ms)
        ranked = await self.announce_and_rank(batches)
        saved = await self.save(batches)
        with self.observer.stage("publish"):
            await self.effects.publish(ranked, saved)
        if monotonic() - began_s > self.late_after_s:
            await self.effects.republish_if_fenced(batches)
        for batch in saved:
            self.store.mark_published(batch.partition, batch.lease.token)
            self.store.mark_answered(batch.partition, batch.lease.token)
        self.observer.published(saved)
        return saved

    async def announce_and_rank(self, batches: Sequence[PartitionBatch]) -> RankedLists:
        """Send what must stand on the log before the states are saved, and make the lists while the broker takes it.

        They are of what will be saved; should the store refuse that, nobody sees them.
        """
        announcing = asyncio.create_task(self.effects.publish_side_effects(batches))
        try:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            with self.observer.stage("rank"):
                return self.effects.rank(batches)
        finally:
            with self.observer.stage("announce"):
                await announcing

    async def embed(self, batches: Iterable[PartitionBatch]) -> Mapping[EncoderInput, Vector]:
        """What the encoder makes of the batches' texts (stream/events/encoder_input.py), by what was encoded."""
        events = (each.event for batch in batches for each in batch.inputs)
        inputs = {event.encoder_input for event in events if event is not None and event.encoder_input is not None}
        texts = sorted({text for each in inputs for text in texts_to_encode(each)})
        with self.observer.stage("embed"):
            vectors = await self.embedder(texts) if texts else {}
        made = {each: assemble(each, vectors) for each in inputs}
        return {each: vector for each, vector in made.items() if vector is not None}

    async def load(self, batch: PartitionBatch, context: Context) -> bool:
        """Begin the updates of a batch's users. False: its partition was acquired again while texts were embedded.

        It is read again from an earlier record then: what came before would leave a gap that the offsets hide.
        """
        lease = self.store.lease(batch.partition)
        if batch.records and lease.token != batch.lease.token:
            return False
        users = dict.fromkeys([*batch.users, *lease.unpublished])
        batch.start(lease, await self.store.load(batch.partition, list(users)), context)
        for handoff in batch.senders:
            sender = (await self.store.load(handoff.partition, [handoff.user_id]))[handoff.user_id]
            if sender.alias is not None:
                batch.handoffs[handoff.user_id] = sender.alias.token
        return True

    async def look_up(self, partition: int, users: Sequence[str], trigger: Trigger) -> list[Pending]:
        """What is due of what is pending of some users."""
        states = await self.store.load(partition, users)
        now = self.clock()

        def due(entry: PendingEvent | Retraction) -> bool:
            if trigger is Trigger.EXPIRED:
                return overdue(entry, self.limits, now)
            if trigger is Trigger.MISSED or isinstance(entry, Retraction):
                return trigger is Trigger.MISSED and entry.missed
            return not entry.missed and self.items(entry.item_id) is not None

        waiting = ((user, entry) for user, state in states.items() for entry in waiters(state))
        return [Pending(partition, user, entry, trigger) for user, entry in waiting if due(entry)]

    async def save(self, batches: Sequence[PartitionBatch]) -> list[PartitionBatch]:
        """Write each batch, all of it or nothing. Returns those that were written."""
        commits = [replace(batch.commit(), listed=self.published.unsaved(batch.partition)) for batch in batches]
        with self.observer.stage("save"):
            answers = await asyncio.gather(*map(self.store.save, commits))
        for commit, answer in zip(commits, answers, strict=True):
            if answer.done:
                self.waiting.update(commit.partition, commit.waits, commit.no_longer)
                self.published.saved(commit.partition, commit.listed)
        if any(commit.erased for commit in commits):
            self.decoder.forget_users()
        saved = [batch for batch, answer in zip(batches, answers, strict=True) if answer.done]
        for batch in saved:
            self.published.erase(batch.partition, batch.erased)
            self.published.forget(batch.nulls)
            self.published.see(batch.onlookers, self.clock() // 1000)
        self.observer.saved(batches, saved)
        return saved

    def _input(self, pending: Pending) -> WorkItem:
        user_id, entry, trigger = pending.user_id, pending.entry, pending.trigger
        if entry is None:
            return WorkItem(user_id, "", trigger)
        if trigger is Trigger.EXPIRED or pending.dead_letter is not None:
            return expired(user_id, entry, pending.dead_letter)
        record = record_of(entry)
        if self.guard.quarantine.condemned(record):
            return expired(user_id, entry, quarantined(record))
        try:
            event = self.decoder.read_again(record)
        except Rejected as error:  # it could be read when it came: the weights file has changed since
            return expired(user_id, entry, DeadLetter(record, error.reason, str(error), "decode"))
        if isinstance(event, Reroute):
            raise TypeError("this is a bug: a record on the wrong partition was left waiting")
        return WorkItem(user_id, event.event_id, trigger, event)
