"""From a micro-batch of records to refreshed lists: decode → embed → load → fold → announce → save → rank → publish.

Read this file to know what Penchant does. The order is what makes it safe: whatever must not be lost (co-visits for the
item statistics, dead letters, forwarded copies, receipts) is acknowledged by the log before the state is saved with the
offsets in it; lists go out after. A batch that comes again changes nothing and publishes its lists once more. A record
that raises what nobody foresaw becomes a dead letter, and everybody else is served (stream/containment/faults.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from penchant.errors import PenchantError, Rejected
from penchant.topics import Topics
from serving.state.user_state import PendingEvent, Retraction, UserState, Vector
from stream.containment.faults import Guard, by_halves
from stream.events.dead_letters import dead_letter, quarantined
from stream.events.decoder import Decoder
from stream.events.encoder_input import EncoderInput, assemble, texts_to_encode
from stream.events.outgoing import Log, Outgoing
from stream.events.records import DeadLetter, Record, Reroute
from stream.events.transfers import OutboundTransfer, Republish, outgoing
from stream.processing.apply import apply
from stream.processing.batch import (
    MOST_UNNAMED,
    Context,
    Limits,
    PartitionBatch,
    Trigger,
    UserUpdate,
    VectorOf,
    WorkItem,
)
from stream.processing.due import Pending, expired
from stream.processing.inputs import arrive
from stream.processing.lists import Lists, Ranking
from stream.processing.observer import Observer, Unobserved
from stream.processing.pending_events import MERGES, TEXTS, overdue, record_of, waiters
from stream.processing.side_effects import side_effects
from stream.store.base import Lease, UserStore
from stream.store.pending_index import PendingIndex

Embed = Callable[[Sequence[str]], Awaitable[Mapping[str, Vector]]]  # texts the encoder missed are left out
Rank = Callable[[Sequence[str], Sequence[UserState]], Sequence[Ranking]]  # users, and their states


class Attempt(NamedTuple):
    """The partitions' batches that were saved, and those that the store refused."""

    saved: list[PartitionBatch]
    refused: list[PartitionBatch]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One at a time for a user: embedding comes before the lock, and one lock lies around load … publish.

    late_after_s: a batch that took longer may have been published after another worker took over.
    """

    topics: Topics
    decoder: Decoder
    embedder: Embed
    items: VectorOf
    store: UserStore
    ranker: Rank
    lists: Lists
    log: Log
    waiting: PendingIndex
    limits: Limits
    clock: Callable[[], int]
    late_after_s: float = 3.0
    guard: Guard = field(default_factory=Guard)
    observer: Observer = field(default_factory=Unobserved)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def process(
        self, records: Sequence[Record], leases: Mapping[int, Lease] | None = None
    ) -> tuple[list[Record], list[PartitionBatch]]:
        """Process records. Returns those that are done, to be acknowledged, and the batches that the store refused.

        leases: by partition, of when the records came; None: of now. What was acquired again since is refused:
        saved on top of an older copy of the states, it would hide what lies between.
        """
        leases = leases or self.leases(records)

        async def some(records: Sequence[Record]) -> Attempt:
            batches = self.decode(records, leases)
            texts = await self.embed(batches)
            async with self.lock:
                saved = await self.run(batches, texts)
            self.guard.faults.fine()
            return Attempt(saved, [batch for batch in batches if batch not in saved])

        async def one(record: Record, error: Exception) -> Attempt:
            before, after = leases[record.partition], self.store.lease(record.partition)
            batch = self.put_aside(record, error, before)
            if before.offsets.get(record.topic, 0) <= record.offset < after.offsets.get(record.topic, 0):
                await self.log.send([dead_letter(letter, self.clock()) for letter in batch.dead])
                return Attempt([batch], [])  # it had been saved before it raised
            async with self.lock:
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
        """Publish a partition's unpublished lists: the worker before may have died between save and publish."""
        async with self.lock, self.guard.quarantine.lists(partition) as may_be_made:
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
                async with self.lock:
                    await self.run(list(batches.values()), texts)
            return len(texts)

        async def one(each: Pending, error: Exception) -> int:
            if each.entry is None or each.letter is not None:  # it stays where it is, and is tried again
                self.guard.faults.note(f"what waits in partition {each.partition}", "fold", error)
                return 0
            return await some([each._replace(letter=self.guard.faults.letter(record_of(each.entry), error))])

        apart = [[each] for each in pending if each.entry is not None and quarantine.suspected(record_of(each.entry))]
        together = [each for each in pending if [each] not in apart]
        return sum([sum(await by_halves(group, some, one)) for group in (*apart, together) if group])

    async def run(self, batches: list[PartitionBatch], texts: Mapping[EncoderInput, Vector]) -> list[PartitionBatch]:
        """Load … publish. Returns the batches that were saved; the others belong to another worker."""
        context = Context(self.items, texts, self.decoder.read_again, self.limits, self.clock(), self.lists.fingerprint)
        with self.observer.stage("load"):
            loaded = await asyncio.gather(*[self.load(batch, context) for batch in batches])
        batches = [batch for batch, mine in zip(batches, loaded, strict=True) if mine]
        began_s = monotonic()
        for batch in batches:
            self.observer.loaded(batch)
            apply(batch)
        await self.publish_side_effects(batches)
        saved = await self.save(batches)
        with self.observer.stage("rank"):
            lists, letters = self.rank(saved)
        await self.log.send([dead_letter(letter, self.clock()) for letter in letters])
        await self.publish(lists, saved)
        await self.log.send(self.transfers(sending for batch in saved for sending in batch.then))
        if monotonic() - began_s > self.late_after_s:
            await self.republish_if_fenced(batches)
        for batch in saved:
            self.store.mark_published(batch.partition, batch.lease.token)
        self.observer.published(saved)
        return saved

    def decode(self, records: Sequence[Record], leases: Mapping[int, Lease]) -> list[PartitionBatch]:
        """Sort records into batches by partition; what cannot be read becomes a dead letter, or is misrouted.

        leases: partition -> as it stood when the records came.
        """
        batches: dict[int, PartitionBatch] = {}
        for record in records:
            batch = batches.setdefault(
                record.partition, PartitionBatch(record.partition, lease=leases[record.partition])
            )
            batch.records.append(record)
            match self.arrive(record):
                case WorkItem() as each:
                    batch.inputs.append(each)
                case Reroute() as reroute:
                    batch.misrouted.append(reroute)
                case DeadLetter() as letter:
                    batch.dead.append(letter)
        return list(batches.values())

    def arrive(self, record: Record) -> WorkItem | Reroute | DeadLetter | None:
        """What a record is (stream/processing/inputs.py), unless it is not to be read at all."""
        if self.guard.quarantine.condemned(record):
            return quarantined(record)
        return arrive(record, self.decoder.decode, self.topics.transfers)

    def put_aside(self, record: Record, error: Exception, lease: Lease) -> PartitionBatch:
        """A batch of nothing but a record that raised, as a dead letter."""
        return PartitionBatch(record.partition, [record], lease=lease, dead=[self.guard.faults.letter(record, error)])

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
        for hand in batch.senders:
            sender = (await self.store.load(hand.partition, [hand.user_id]))[hand.user_id]
            if sender.alias is not None:
                batch.hands[hand.user_id] = sender.alias.token
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

    async def publish_side_effects(self, batches: Iterable[PartitionBatch]) -> None:
        """Send what must not be lost, and have it acknowledged, before the offsets move on."""
        now = self.clock()
        with self.observer.stage("announce"):
            await self.log.send([each for batch in batches for each in side_effects(batch, self.topics, now)])

    async def save(self, batches: Sequence[PartitionBatch]) -> list[PartitionBatch]:
        """Write each batch, all of it or nothing. Returns those that were written."""
        commits = [batch.commit() for batch in batches]
        with self.observer.stage("save"):
            answers = await asyncio.gather(*map(self.store.save, commits))
        for commit, answer in zip(commits, answers, strict=True):
            if answer.done:
                self.waiting.update(commit.partition, commit.waits, commit.no_longer)
        if any(commit.erased for commit in commits):
            self.decoder.forget_users()
        saved = [batch for batch, answer in zip(batches, answers, strict=True) if answer.done]
        self.observer.saved(batches, saved)
        return saved

    def rank(self, batches: Iterable[PartitionBatch]) -> tuple[list[Outgoing], list[DeadLetter]]:
        """The new lists of the batches' users, scored together: one pass over the catalogue serves all of them.

        Whoever did least comes first: a burst of one user delays no other. A user whose list cannot be made gets the
        trending one, and what caused it becomes a dead letter.
        """
        due = [(batch, user, update) for batch in batches for user, update in batch.updates.items() if update.due]
        due.sort(key=lambda each: len(each[2].named))
        try:
            return self.lists_of(due), []
        except PenchantError:
            raise
        except Exception:  # noqa: BLE001 - found out below whose list it is
            lists, letters = list[Outgoing](), list[DeadLetter]()
        for each in due:
            try:
                lists += self.lists_of([each])
                self.guard.faults.fine()
            except PenchantError:
                raise
            except Exception as error:  # noqa: BLE001 - contained: the others get theirs
                batch, user, update = each
                letters += self.guard.faults.letters(batch.causes(update), error)
                with suppress(Exception):  # of this user nothing can be made at all: the letters say so
                    (trending,) = self.ranker([user], [UserState()])
                    lists.append(self.lists.of_user(user, batch.partition, update, trending, self.clock()))
        return lists, letters

    async def publish(self, lists: Sequence[Outgoing], batches: Sequence[PartitionBatch]) -> None:
        """Send lists. One that cannot be sent costs nobody else theirs: what caused it becomes a dead letter."""
        updates = {
            (batch.partition, user.encode()): (batch, update)
            for batch in batches
            for user, update in batch.updates.items()
        }

        async def one(made: Outgoing, error: Exception) -> None:
            batch, update = updates[made.partition or 0, made.key or b""]
            letters = self.guard.faults.letters(batch.causes(update), error)
            await self.log.send([dead_letter(letter, self.clock()) for letter in letters])

        await by_halves(lists, self.log.send, one)

    def lists_of(self, due: Sequence[tuple[PartitionBatch, str, UserUpdate]]) -> list[Outgoing]:
        """The lists of some users, from their states."""
        rankings = self.ranker([user for _, user, _ in due], [update.state for _, _, update in due])
        now = self.clock()
        return [
            self.lists.of_user(user, batch.partition, update, ranking, now)
            for (batch, user, update), ranking in zip(due, rankings, strict=True)
        ]

    def transfers(self, sendings: Iterable[OutboundTransfer]) -> list[Outgoing]:
        """Messages to other owners, as records."""
        return [outgoing(self.topics.transfers, sending) for sending in sendings]

    async def republish_if_fenced(self, batches: Iterable[PartitionBatch]) -> None:
        """After a long pause another worker may own a partition, whose newer lists mine came after.

        Its owner publishes them again, so that the last list on the topic is the one of the newest state.
        """
        late: list[OutboundTransfer] = []
        for batch in batches:
            mine = self.store.lease(batch.partition).token == batch.lease.token and await self.store.owns(
                batch.partition
            )
            if not mine:
                named = {user: update.named for user, update in batch.updates.items() if update.due}
                named |= {user: [] for user in batch.erased}
                late += [
                    OutboundTransfer(Republish(to=user, folded=refs[-MOST_UNNAMED:])) for user, refs in named.items()
                ]
        await self.log.send(self.transfers(late))

    def _input(self, pending: Pending) -> WorkItem:
        user_id, entry, trigger = pending.user_id, pending.entry, pending.trigger
        if entry is None:
            return WorkItem(user_id, "", trigger)
        if trigger is Trigger.EXPIRED or pending.letter is not None:
            return expired(user_id, entry, pending.letter)
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
