"""Is the live state what the log makes? Rebuilt in memory, compared user by user at the live state's own offsets.

The live system may run on: a chunk of users of a partition is read in one transaction with the partition's offsets, the
replay moves forward to these, and then the chunk is compared. Memory: the states of all users, about 3 KB each.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from penchant.errors import BrokenState, Unavailable
from serving.state import user_state as codec
from stream.processing.batch import CoVisitDetail
from stream.rebuild.audit_report import EXTRA, MISSING, Finding, Report, compare_items
from stream.rebuild.caveats import Added, AuditNotes, Caveat
from stream.rebuild.compare import Difference, Yardstick, differences, knows_more
from stream.rebuild.log_reader import LogReader, Place
from stream.rebuild.memory_store import MemoryUsers
from stream.rebuild.rebuild import Replay, ReplaySource, Tell, make_replay
from stream.rebuild.side_topics import dead_lettered, interactions
from stream.rebuild.store_reader import LiveStore, ReadSnapshot
from stream.store.tombstones import Tombstones

_AT_ONCE = 1000  # users compared together
_LOOKS = 3  # a user who differs is looked at again: their event may have been on its way between two partitions
_BETWEEN_LOOKS_S = 1.0


@dataclass(slots=True)
class _Verification:
    """One comparison of a live store with its log."""

    source: ReplaySource
    log: LogReader
    live: LiveStore
    rebuilt: MemoryUsers
    audit_notes: AuditNotes
    replay: Replay
    truncated: dict[Place, int] = field(default_factory=dict)

    async def run(self, total: Tell, tell: Tell) -> Report:
        """Replay and compare. total: called once with how many records are to be read; tell: with each step."""
        places = self.source.places()
        starts = await self.log.starts(places)
        self.truncated = {place: start for place, start in starts.items() if start}
        self.replay.positions |= starts
        self.audit_notes.dead_lettered = await dead_lettered(self.log, self.source.topics)
        offsets: dict[Place, int] = {}
        for number in self._partitions():
            offsets |= (await self.live.look(number, [])).offsets
        stated = await interactions(self.log, self.source.topics.covisits, offsets)
        ends = self._of_events(offsets)
        self.audit_notes.first_counted = stated.first
        total(sum(max(end - starts[place], 0) for place, end in ends.items()))
        await self.replay.advance(ends, tell)
        report = Report(events=self.audit_notes.events, seconds=self.replay.seconds, truncated=self.truncated)
        report.items = compare_items(stated, self.audit_notes.totals, self.audit_notes.retractions)
        await self._compare_all(report)
        return report

    async def _compare_all(self, report: Report) -> None:
        stored = await self.live.keys.users()
        again: dict[int, list[str]] = {}
        for number in self._partitions():
            erased = self.rebuilt.erased.get(number, {})
            users = sorted({*stored.get(number, ()), *self.rebuilt.users(number), *erased})
            report.users += len(users)
            again[number] = [each.user for each in await self._compare(number, users)]
        for looks in range(_LOOKS):
            if not any(again.values()):
                break
            await asyncio.sleep(_BETWEEN_LOOKS_S if looks else 0.0)
            found = {number: await self._compare(number, users) for number, users in again.items() if users}
            again = {number: [each.user for each in some if not each.caveats] for number, some in found.items()}
            report.findings = [each for each in report.findings if each.caveats]
            report.findings += [each for some in found.values() for each in some]

    async def _compare(self, number: int, users: Sequence[str]) -> list[Finding]:
        """Those of some users of a partition who are not the same."""
        found: list[Finding] = []
        rest = iter(users)
        while chunk := list(islice(rest, _AT_ONCE)):
            look = await self.live.look(number, chunk)
            await self._move_to(look)
            wrong = {user: self._differences(number, user, look) for user in chunk}
            found += [
                Finding(user, number, tuple(some), self._caveats(number, user, look))
                for user, some in wrong.items()
                if some
            ]
        return found

    def _differences(self, number: int, user: str, look: ReadSnapshot) -> list[Difference]:
        state, record = self.rebuilt.state(number, user), look.records[user]
        wrong = self._erasure(number, state.erased_ms, look.erased.get(user, 0), look.now_ms)
        if record is None or (number, user) not in self.rebuilt:
            if record is not None:
                wrong.append(Difference(EXTRA, "the log does not make this user"))
            elif (number, user) in self.rebuilt:
                wrong.append(Difference(MISSING, "the store has no record of this user"))
            return wrong
        try:
            live = codec.decode(record, self.source.model.fingerprint)
        except BrokenState as error:
            return [*wrong, Difference("bytes", str(error))]
        return wrong + differences(live, state, self._yardstick(user, look))

    def _yardstick(self, user: str, look: ReadSnapshot) -> Yardstick:
        return Yardstick(self.source.settings.limits(), self.audit_notes.added.get(user, Added()), look.now_ms)

    def _erasure(self, number: int, by_log_ms: int, live_ms: int, now_ms: int) -> list[Difference]:
        """A digest is dropped when the input's retention has passed, at the next erasure in its partition."""
        digests = Tombstones(b"", self.source.settings.retention().erased_s * 1000)
        if by_log_ms <= digests.outdated_ms(self.rebuilt.erased.get(number, {}).values(), now_ms):
            by_log_ms = 0
        if by_log_ms == live_ms or (not by_log_ms and self._is_truncated(number)):
            return []
        return [Difference("erased", f"as of {live_ms or 'never'}, by the log as of {by_log_ms or 'never'} (ms)")]

    def _caveats(self, number: int, user: str, look: ReadSnapshot) -> frozenset[Caveat]:
        caveats = set(self.audit_notes.caveats.get(user, ()))
        record, state = look.records[user], self.rebuilt.state(number, user)
        if record is None:
            idle_ms = self.source.settings.retention().idle_expiry_s * 1000
            if state.ring and state.ring[-1].time_ms + idle_ms <= look.now_ms:
                caveats.add(Caveat.IDLE)
            return frozenset(caveats)
        try:
            live = codec.decode(record, self.source.model.fingerprint)
        except BrokenState:
            return frozenset()
        if live.missed:
            caveats.add(Caveat.MISSED)
        if self._is_truncated(number) and knows_more(live, state):
            caveats.add(Caveat.RETENTION)
        return frozenset(caveats)

    async def _move_to(self, look: ReadSnapshot) -> None:
        ends = self._of_events(look.offsets)
        if any(end < self.replay.positions[place] > self.truncated.get(place, 0) for place, end in ends.items()):
            raise Unavailable("the store went back to an older state while it was compared: start again")
        await self.replay.advance(ends)

    def _of_events(self, offsets: dict[Place, int]) -> dict[Place, int]:
        return {place: offset for place, offset in offsets.items() if place[0] in self.source.events}

    def _is_truncated(self, number: int) -> bool:
        return any(partition == number for _, partition in self.truncated)

    def _partitions(self) -> range:
        return range(self.source.partitions)


async def verify(source: ReplaySource, live: LiveStore, total: Tell, tell: Tell) -> Report:
    """Compare a live store with its log. Raises Unavailable; FingerprintMismatch for another model folder's states."""
    async with LogReader(source.settings.brokers) as log:
        rebuilt = MemoryUsers(source.model.fingerprint)
        replay = make_replay(source, log, rebuilt, covisits=CoVisitDetail.WEIGHT)
        return await _Verification(source, log, live, rebuilt, replay.audit_notes, replay).run(total, tell)
