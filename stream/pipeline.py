"""From a micro-batch of records to refreshed lists: decode → embed → load → fold → announce → save → rank → publish.

Read this file to know what Penchant does. The order is what makes it safe: whatever must not be lost (co-visits for the
item statistics, dead letters, forwarded copies, receipts) is acknowledged by the log before the state is saved with the
offsets in it; lists go out after. A batch that comes again changes nothing and publishes its lists once more. A record
that raises what nobody foresaw is put aside, and everybody else served (stream/containment/faults.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

import msgspec

from penchant.errors import PenchantError, Rejected
from penchant.messages import CoVisits, Receipt
from penchant.topics import Topics
from serving.state.user_state import PendingEvent, Retraction, UserState, Vector
from stream.containment.faults import Guard, by_halves
from stream.events.dead_letters import dead_letter, forwarded_or_dead, quarantined
from stream.events.decoder import Decoder, forget_users
from stream.events.encoder_input import Wording, assemble, pieces
from stream.events.records import DeadLetter, Forward, Record
from stream.events.transfers import Republish, Sending, outgoing
from stream.kafka.producer import Log, Outgoing
from stream.processing.apply import take
from stream.processing.batch import MOST_UNNAMED, Answer, Arrival, Context, Input, ItemVectors, Part, Rules, Turn
from stream.processing.due import Pending, expired
from stream.processing.inputs import arrive
from stream.processing.lists import Lists, Ranking, rfc3339
from stream.processing.pending_events import MERGES, TEXTS, overdue, record_of, waiters
from stream.processing.retract import unread
from stream.store.pending_index import WaitingIndex
from stream.store.redis import Hold, UserStore

# Vectors by text, without those that the encoder missed: these events wait.
Embed = Callable[[Sequence[str]], Awaitable[Mapping[str, Vector]]]
Rank = Callable[[Sequence[str], Sequence[UserState]], Sequence[Ranking]]  # users, and their states


class Outcome(NamedTuple):
    """The parts of a batch that were saved, and those that the store refused."""

    saved: list[Part]
    refused: list[Part]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One at a time for a user: embedding comes before the lock, and one lock lies around load … publish.

    late_after_s: a batch that took longer may have been published after another worker took over.
    """

    topics: Topics
    decoder: Decoder
    embedder: Embed
    items: ItemVectors
    store: UserStore
    ranker: Rank
    lists: Lists
    log: Log
    waiting: WaitingIndex
    rules: Rules
    clock: Callable[[], int]
    late_after_s: float = 3.0
    guard: Guard = field(default_factory=Guard)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def process(
        self, records: Sequence[Record], holds: Mapping[int, Hold] | None = None
    ) -> tuple[list[Record], list[Part]]:
        """Take in records. Returns those that are done, to be acknowledged, and the parts that the store refused.

        holds: partition -> as it stood when the records were let in; None: that is now. What was claimed anew since is
        refused: saved on top of an older copy of the states, it would hide what lies between.
        """
        holds = holds or self.holds(records)

        async def some(records: Sequence[Record]) -> Outcome:
            outcome = await self.attempt(self.decode(records, holds))
            self.guard.faults.fine()
            return outcome

        async def one(record: Record, error: Exception) -> Outcome:
            before, after = holds[record.partition], self.store.hold(record.partition)
            part = self.put_aside(record, error, before)
            # Saved before it raised.
            if before.offsets.get(record.topic, 0) <= record.offset < after.offsets.get(record.topic, 0):
                await self.log.send([dead_letter(letter, self.clock()) for letter in part.dead])
                return Outcome([part], [])
            return await self.attempt([part])

        outcomes = await by_halves(records, some, one)
        done = [record for outcome in outcomes for part in outcome.saved for record in part.records]
        return done, [part for outcome in outcomes for part in outcome.refused]

    def holds(self, records: Iterable[Record]) -> dict[int, Hold]:
        """How the partitions of records stand now."""
        return {number: self.store.hold(number) for number in {record.partition for record in records}}

    async def attempt(self, parts: list[Part]) -> Outcome:
        """Take in parts as they were decoded."""
        texts = await self.embed(parts)
        async with self.lock:
            saved = await self.run(parts, texts)
        return Outcome(saved, [part for part in parts if part not in saved])

    async def wake(self, item_ids: Iterable[str]) -> None:
        """Fold the events that wait for these items, which have a vector now."""
        await self.recall(self.waiting.users(item_ids), Arrival.WOKEN)

    async def make_up(self, most: int) -> int:
        """Take in what waits because the encoder missed its text, of `most` users; the others' turn is the next time.

        Returns how many texts it read now.
        """
        return await self.recall(self.waiting.next_users(TEXTS, most), Arrival.MISSED)

    async def expire(self) -> None:
        """Give up the events, and the retractions, that have waited too long."""
        await self.recall(self.waiting.overdue(self.clock()), Arrival.EXPIRED)

    async def ask_again(self) -> None:
        """Tell the owners of other users again what they have not answered (stream/processing/merge.py)."""
        users = self.waiting.users([MERGES])
        await self.take_in([Pending(n, user, None, Arrival.UNANSWERED) for n, ids in users.items() for user in ids])

    async def resume(self, partition: int) -> None:
        """Publish the lists that are owed in a partition: its worker before may have died between save and publish."""
        async with self.lock, self.guard.quarantine.lists(partition) as may_be_made:
            if not may_be_made:
                self.store.settle(partition, self.store.hold(partition).token)
            await self.run([Part(partition)], {})

    async def recall(self, users: Mapping[int, Sequence[str]], arrival: Arrival) -> int:
        """Take in what waits in the rooms of some users (partition -> user ids). Returns how many texts were read."""
        found = [await self.look_up(partition, ids, arrival) for partition, ids in users.items()]
        return await self.take_in([each for some in found for each in some])

    async def take_in(self, pending: Sequence[Pending]) -> int:
        """Take in what does not come from the log. Returns how many texts were read."""
        quarantine = self.guard.quarantine

        async def some(pending: Sequence[Pending]) -> int:
            parts = {each.partition: Part(each.partition) for each in pending}
            async with quarantine.waiting(list(parts), [record_of(e.entry) for e in pending if e.entry is not None]):
                for each in pending:
                    parts[each.partition].inputs.append(self._input(each))
                texts = await self.embed(parts.values())
                async with self.lock:
                    await self.run(list(parts.values()), texts)
            return len(texts)

        async def one(each: Pending, error: Exception) -> int:
            if each.entry is None or each.letter is not None:  # it stays where it is, and is tried again
                self.guard.faults.note(f"what waits in partition {each.partition}", "fold", error)
                return 0
            return await some([each._replace(letter=self.guard.faults.letter(record_of(each.entry), error))])

        apart = [[each] for each in pending if each.entry is not None and quarantine.suspected(record_of(each.entry))]
        together = [each for each in pending if [each] not in apart]
        return sum([sum(await by_halves(group, some, one)) for group in (*apart, together) if group])

    async def run(self, parts: list[Part], texts: Mapping[Wording, Vector]) -> list[Part]:
        """Load … publish. Returns the parts that were saved; the others belong to another worker."""
        loaded = await asyncio.gather(*map(self.load, parts))
        parts = [part for part, mine in zip(parts, loaded, strict=True) if mine]
        began_s = monotonic()
        context = Context(self.items, texts, self.decoder.read_again, self.rules, self.clock(), self.lists.fingerprint)
        for part in parts:
            take(part, context)
        await self.announce(parts)
        saved = await self.save(parts)
        lists, letters = self.rank(saved)
        await self.log.send([dead_letter(letter, self.clock()) for letter in letters])
        await self.publish(lists, saved)
        await self.log.send(self.transfers(sending for part in saved for sending in part.then))
        if monotonic() - began_s > self.late_after_s:
            await self.make_good(parts)
        for part in saved:
            self.store.settle(part.partition, part.hold.token)
        return saved

    def decode(self, records: Sequence[Record], holds: Mapping[int, Hold]) -> list[Part]:
        """Sort records into parts by partition; what cannot be read becomes a dead letter, what lies wrong a stray.

        holds: partition -> as it stood when the records came.
        """
        parts: dict[int, Part] = {}
        for record in records:
            part = parts.setdefault(record.partition, Part(record.partition, hold=holds[record.partition]))
            part.records.append(record)
            match self.arrive(record):
                case Input() as each:
                    part.inputs.append(each)
                case Forward() as stray:
                    part.strays.append(stray)
                case DeadLetter() as letter:
                    part.dead.append(letter)
        return list(parts.values())

    def arrive(self, record: Record) -> Input | Forward | DeadLetter | None:
        """What a record is (stream/processing/inputs.py), unless it is not to be read at all."""
        if self.guard.quarantine.condemned(record):
            return quarantined(record)
        return arrive(record, self.decoder.decode, self.topics.transfers)

    def put_aside(self, record: Record, error: Exception, hold: Hold) -> Part:
        """A part of nothing but a record that raised, as a dead letter."""
        return Part(record.partition, [record], hold=hold, dead=[self.guard.faults.letter(record, error)])

    async def embed(self, parts: Iterable[Part]) -> Mapping[Wording, Vector]:
        """What the encoder makes of the texts in the parts (stream/events/encoder_input.py), by what was encoded."""
        events = (each.event for part in parts for each in part.inputs)
        wordings = {event.wording for event in events if event is not None and event.wording is not None}
        vectors = (
            await self.embedder(sorted({each for wording in wordings for each in pieces(wording)})) if wordings else {}
        )
        made = {wording: assemble(wording, vectors) for wording in wordings}
        return {wording: text for wording, text in made.items() if text is not None}

    async def load(self, part: Part) -> bool:
        """Give each user of a part a turn. False: its partition was claimed anew while texts were embedded.

        It is read again from an earlier record then: what was let in before would leave a gap that the offsets hide.
        """
        hold = self.store.hold(part.partition)
        if part.records and hold.token != part.hold.token:
            return False
        users = dict.fromkeys([*part.users, *hold.owed])
        part.start(hold, await self.store.load(part.partition, list(users)))
        for hand in part.senders:
            sender = (await self.store.load(hand.partition, [hand.user_id]))[hand.user_id]
            if sender.alias is not None:
                part.hands[hand.user_id] = sender.alias.token
        return True

    async def look_up(self, partition: int, users: Sequence[str], arrival: Arrival) -> list[Pending]:
        """What is due of what waits in the rooms of some users."""
        states = await self.store.load(partition, users)
        now = self.clock()

        def due(entry: PendingEvent | Retraction) -> bool:
            if arrival is Arrival.EXPIRED:
                return overdue(entry, self.rules, now)
            if arrival is Arrival.MISSED or isinstance(entry, Retraction):
                return arrival is Arrival.MISSED and entry.missed
            return not entry.missed and self.items(entry.item_id) is not None

        waiting = ((user, entry) for user, state in states.items() for entry in waiters(state))
        return [Pending(partition, user, entry, arrival) for user, entry in waiting if due(entry)]

    async def announce(self, parts: Iterable[Part]) -> None:
        """Send what must not be lost, and have it acknowledged, before the offsets move on."""
        now = self.clock()
        out: list[Outgoing] = []
        for part in parts:
            out += [self._covisits(message) for message in part.covisits()]
            out += [dead_letter(letter, now) for letter in part.dead]
            out += [forwarded_or_dead(stray, now) for stray in part.strays]
            gone = [*part.erased, *part.nulls]
            out += [Outgoing(self.topics.recommendations, user.encode(), None, part.partition) for user in gone]
            out += self.transfers(part.first)
            out += [self._receipt(answer, now) for answer in part.answers]
            out += [self._receipt(answer, now) for answer in unread(part.dead, self.topics.commands)]
        await self.log.send(out)

    async def save(self, parts: Sequence[Part]) -> list[Part]:
        """Write each part, all of it or nothing. Returns those that were written."""
        batches = [part.batch() for part in parts]
        answers = await asyncio.gather(*map(self.store.save, batches))
        for batch, answer in zip(batches, answers, strict=True):
            if answer.done:
                self.waiting.update(batch.partition, batch.waits, batch.no_longer)
        if any(batch.erased for batch in batches):
            forget_users()
        return [part for part, answer in zip(parts, answers, strict=True) if answer.done]

    def rank(self, parts: Iterable[Part]) -> tuple[list[Outgoing], list[DeadLetter]]:
        """The new lists of the parts' users, scored together: one pass over the catalogue serves all of them.

        Whoever did least comes first: a burst of one user holds up no other. A user whose list cannot be made gets the
        trending one, and what caused it becomes a dead letter.
        """
        due = [(part, user, turn) for part in parts for user, turn in part.turns.items() if turn.due]
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
                part, user, turn = each
                letters += self.guard.faults.letters(part.causes(turn), error)
                with suppress(Exception):  # of this user nothing can be made at all: the letters say so
                    (trending,) = self.ranker([user], [UserState()])
                    lists.append(self.lists.of_user(user, part.partition, turn, trending, self.clock()))
        return lists, letters

    async def publish(self, lists: Sequence[Outgoing], parts: Sequence[Part]) -> None:
        """Send lists. One that cannot be sent costs nobody else his: what caused it becomes a dead letter."""
        turns = {(part.partition, user.encode()): (part, turn) for part in parts for user, turn in part.turns.items()}

        async def one(made: Outgoing, error: Exception) -> None:
            part, turn = turns[made.partition or 0, made.key or b""]
            letters = self.guard.faults.letters(part.causes(turn), error)
            await self.log.send([dead_letter(letter, self.clock()) for letter in letters])

        await by_halves(lists, self.log.send, one)

    def lists_of(self, due: Sequence[tuple[Part, str, Turn]]) -> list[Outgoing]:
        """The lists of some users, from their states."""
        rankings = self.ranker([user for _, user, _ in due], [turn.state for _, _, turn in due])
        now = self.clock()
        return [
            self.lists.of_user(user, part.partition, turn, ranking, now)
            for (part, user, turn), ranking in zip(due, rankings, strict=True)
        ]

    def transfers(self, sendings: Iterable[Sending]) -> list[Outgoing]:
        """Messages to other owners, as records."""
        return [outgoing(self.topics.transfers, sending) for sending in sendings]

    async def make_good(self, parts: Iterable[Part]) -> None:
        """After a long pause another worker may own a partition, whose newer lists mine came after.

        Its owner publishes them again, so that the last list on the topic is the one of the newest state.
        """
        late: list[Sending] = []
        for part in parts:
            mine = self.store.hold(part.partition).token == part.hold.token and await self.store.is_mine(part.partition)
            if not mine:
                named = {user: turn.named for user, turn in part.turns.items() if turn.due}
                named |= {user: [] for user in part.erased}
                late += [Sending(Republish(to=user, folded=refs[-MOST_UNNAMED:])) for user, refs in named.items()]
        await self.log.send(self.transfers(late))

    def _input(self, pending: Pending) -> Input:
        user_id, entry, arrival = pending.user_id, pending.entry, pending.arrival
        if entry is None:
            return Input(user_id, "", arrival)
        if arrival is Arrival.EXPIRED or pending.letter is not None:
            return expired(user_id, entry, pending.letter)
        record = record_of(entry)
        if self.guard.quarantine.condemned(record):
            return expired(user_id, entry, quarantined(record))
        try:
            event = self.decoder.read_again(record)
        except Rejected as error:  # it could be read when it came: the weights file has changed since
            return expired(user_id, entry, DeadLetter(record, error.reason, str(error), "decode"))
        if isinstance(event, Forward):
            raise TypeError("this is a bug: a record on the wrong partition was left waiting")
        return Input(user_id, event.event_id, arrival, event)

    def _covisits(self, message: CoVisits) -> Outgoing:
        key = f"{message.topic}-{message.partition}".encode()
        return Outgoing(self.topics.covisits, key, msgspec.json.encode(message))

    def _receipt(self, answer: Answer, now_ms: int) -> Outgoing:
        receipt = Receipt(
            command_id=answer.command_id,
            type=answer.type,
            status=answer.status,
            reason=answer.reason,
            completed_at=rfc3339(now_ms),
            removed=dict(answer.removed),
        )
        return Outgoing(self.topics.receipts, answer.command_id.encode(), msgspec.json.encode(receipt))
