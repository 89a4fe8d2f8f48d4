"""What a batch causes beside its users' states: side effects, lists, messages to other owners."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from penchant.errors import PenchantError
from penchant.topics import Topics
from serving.ranking.ranker import Ranking
from serving.state.user_state import UserState
from stream.containment.faults import Guard, by_halves
from stream.events.dead_letters import dead_letter_message
from stream.events.outgoing import Log, Outgoing
from stream.events.records import DeadLetter
from stream.events.transfers import OutboundTransfer, Republish, outgoing
from stream.processing.batch import MOST_UNNAMED, PartitionBatch, UserUpdate
from stream.processing.lists import Lists, as_published
from stream.processing.observer import Observer, Unobserved
from stream.processing.side_effects import side_effects, told
from stream.store.base import UserStore
from stream.store.published_lists import PublishedLists

Rank = Callable[[Sequence[str], Sequence[UserState]], Sequence[Ranking]]  # users, and their states


class RankedList(NamedTuple):
    """A list that is to be published, and what it was made of."""

    update: UserUpdate
    ranking: Ranking
    message: Outgoing
    made_ms: int


class RankedLists(NamedTuple):
    """The lists of some batches, and dead letters of what caused those that could not be made, each with its batch."""

    lists: list[RankedList]
    dead_letters: list[tuple[PartitionBatch, DeadLetter]]


class Effects(Protocol):
    """What becomes of a batch outside the store: on the log, or noted by a replay (stream/rebuild/replay_ports.py)."""

    async def publish_side_effects(self, batches: Sequence[PartitionBatch]) -> None:
        """Send what must not be lost, and have it acknowledged, before the offsets move on."""
        ...

    def rank(self, batches: Sequence[PartitionBatch]) -> RankedLists:
        """The new lists of the batches' users, of which nobody knows yet."""
        ...

    async def publish(self, ranked: RankedLists, batches: Sequence[PartitionBatch]) -> None:
        """Send the lists of those batches, which were saved, then receipts, then what other owners are to be told."""
        ...

    async def send_dead_letters(self, dead_letters: Iterable[DeadLetter]) -> None:
        """Send dead letters of records that were saved before."""
        ...

    async def republish_if_fenced(self, batches: Iterable[PartitionBatch]) -> None:
        """After a long pause another worker may own a partition, whose newer lists mine came after.

        Its owner publishes them again, so that the last list on the topic is the one of the newest state.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class LiveEffects:
    """Effects on the log. published: told what each list holds."""

    topics: Topics
    log: Log
    ranker: Rank
    lists: Lists
    store: UserStore
    clock: Callable[[], int]
    guard: Guard
    published: PublishedLists = field(default_factory=PublishedLists)
    observer: Observer = field(default_factory=Unobserved)

    async def publish_side_effects(self, batches: Sequence[PartitionBatch]) -> None:
        """See `Effects.publish_side_effects`."""
        now = self.clock()
        await self.log.send([each for batch in batches for each in side_effects(batch, self.topics, now)])

    def rank(self, batches: Sequence[PartitionBatch]) -> RankedLists:
        """See `Effects.rank`. All are scored together: one pass over the catalogue serves every user.

        Whoever did least comes first: a burst of one user delays no other. A user whose list cannot be made gets the
        trending one, and what caused it becomes a dead letter.
        """
        due = [update for batch in batches for update in batch.updates.values() if update.due]
        due.sort(key=lambda update: len(update.named))
        try:
            return RankedLists(self._lists_of(due), [])
        except PenchantError:
            raise
        except Exception:  # noqa: BLE001 - found out below whose list it is
            lists, dead_letters = list[RankedList](), list[tuple[PartitionBatch, DeadLetter]]()
        for update in due:
            try:
                lists += self._lists_of([update])
                self.guard.faults.fine()
            except PenchantError:
                raise
            except Exception as error:  # noqa: BLE001 - contained: the others get theirs
                dead = self.guard.faults.dead_letters(update.batch.causes(update), error)
                dead_letters += [(update.batch, each) for each in dead]
                with suppress(Exception):  # of this user nothing can be made at all: the dead letters say so
                    (trending,) = self.ranker([update.user_id], [UserState()])
                    lists.append(self._list(update, trending, self.clock()))
        return RankedLists(lists, dead_letters)

    async def publish(self, ranked: RankedLists, batches: Sequence[PartitionBatch]) -> None:
        """See `Effects.publish`. A list that cannot be sent costs nobody else theirs: its causes are dead letters."""
        saved = {id(batch) for batch in batches}
        await self.send_dead_letters([each for batch, each in ranked.dead_letters if id(batch) in saved])
        lists = [each for each in ranked.lists if id(each.update.batch) in saved]
        for update, ranking, _, made_ms in lists:
            self.observer.listed(update, ranking)
            entry = as_published(update, ranking, made_ms)
            self.published.note(update.batch.partition, update.batch.lease.token, update.user_id, entry)
        causes = {id(each.message): each.update for each in lists}

        async def one(made: Outgoing, error: Exception) -> None:
            update = causes[id(made)]
            await self.send_dead_letters(self.guard.faults.dead_letters(update.batch.causes(update), error))

        await by_halves([each.message for each in lists], self.log.send, one)
        answers = [answer for batch in batches for answer in self.store.lease(batch.partition).answers]
        await self.log.send([record for answer in answers for record in told(answer, self.topics)])
        await self._tell_owners(sending for batch in batches for sending in batch.then)

    async def send_dead_letters(self, dead_letters: Iterable[DeadLetter]) -> None:
        """See `Effects.send_dead_letters`."""
        await self.log.send([dead_letter_message(dead_letter, self.clock()) for dead_letter in dead_letters])

    async def republish_if_fenced(self, batches: Iterable[PartitionBatch]) -> None:
        """See `Effects.republish_if_fenced`."""
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
        await self._tell_owners(late)

    async def _tell_owners(self, sendings: Iterable[OutboundTransfer]) -> None:
        await self.log.send([outgoing(self.topics.transfers, sending) for sending in sendings])

    def _lists_of(self, due: Sequence[UserUpdate]) -> list[RankedList]:
        rankings = self.ranker([update.user_id for update in due], [update.state for update in due])
        now = self.clock()
        return [self._list(update, ranking, now) for update, ranking in zip(due, rankings, strict=True)]

    def _list(self, update: UserUpdate, ranking: Ranking, now_ms: int) -> RankedList:
        return RankedList(update, ranking, self.lists.of_user(update, ranking, now_ms), now_ms)
