"""Compares what a system left behind with what the oracle says: what was lost, and what was counted twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from penchant.partitioner import partition_of
from serving.redis.clients import blocking_client
from serving.state.user_state import UserState, decode
from tests.faults.load import Load, LoadMessage
from tests.faults.oracle import Expected, Oracle
from tests.faults.producers import GONE, Position
from tests.faults.watcher import ListMessage, Observed

# A text's vector differs by 1e-3 between batches (the export gate), a saved sum by 2e-7 of its largest component;
# the least that an event adds is a view, 0.2.
TOLERANCE = 2e-3
_PATIENCE_S = 10.0
WHOLE_BYTES = 64 * 1024  # of a value: less is kept whole in a dead letter


@dataclass(frozen=True)
class Outcome:
    """lost, twice: how many events, commands and last lists. words: each difference; none if all is well."""

    lost: int = 0
    twice: int = 0
    words: tuple[str, ...] = ()

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(self.lost + other.lost, self.twice + other.twice, self.words + other.words)


FINE = Outcome()


@dataclass(frozen=True)
class Stored:
    """Where states lie. `partitions`: of the user topics."""

    redis_url: str
    prefix: str
    partitions: int
    fingerprint: str

    def states(self, users: list[str]) -> dict[str, UserState | None]:
        """What stands in the store, None where nothing does. Raises BrokenState."""
        with blocking_client(self.redis_url, _PATIENCE_S) as client:
            pipeline = client.pipeline(transaction=False)
            for user in users:
                pipeline.get(f"{{{self.prefix}:{partition_of(user, self.partitions)}}}:u:{user}")
            records = pipeline.execute()
        return {
            user: decode(record, self.fingerprint) if record is not None else None
            for user, record in zip(users, records, strict=True)
        }


@dataclass
class Checker:
    """Everything that an outcome is made from."""

    load: Load
    oracle: Oracle
    stored: Stored
    watcher: Observed
    places: Mapping[str, Sequence[Position]] = field(default_factory=dict)  # where what is odd lies, by name
    pairs_kept: bool = True  # the log still has all that was ever announced

    def outcome(self) -> Outcome:
        """Look at everything as it stands now."""
        expected = self.oracle.states(self.load)
        states = self.stored.states([*expected, *self.load.merged])
        users = (self._user(user, expected[user], states[user]) for user in expected)
        merged = (self._merged(user, target, states[user]) for user, target in self.load.merged.items())
        return sum([*users, *merged, self._commands(), self.dead_letters(), self._covisits()], start=FINE)

    def _merged(self, user: str, target: str, state: UserState | None) -> Outcome:
        if user in self.load.erased:
            return self._user(user, None, state)
        alias = state.alias if state is not None else None
        if alias is None or state is None or alias.target != target:
            return Outcome(1, 0, (f"{user} is no alias of {target}",))
        return Outcome(1, 0, (f"{user}: its state is still held",)) if alias.held or state.known else FINE

    def _user(self, user: str, expected: Expected | None, state: UserState | None) -> Outcome:
        last = self.watcher.lists.get(user)
        if expected is None:
            gone = [] if state is None else [f"has a state: {_in_words(state)}"]
            gone += [] if user in self.watcher.lists and last is None else [f"has a list: {last and last['folded']}"]
            return Outcome(len(gone), 0, tuple(f"{user} was erased, but {what}" for what in gone))
        if state is None:
            return Outcome(len(expected.ring), 0, (f"{user} has no state",))
        found = compare(expected, state)
        unnamed = self._unnamed(user, state)
        found = Outcome(max(found.lost, len(unnamed)), found.twice, found.words)
        if unnamed:
            found += Outcome(words=(f"no list names {sorted(unnamed)}",))
        found += _last_list(state, last)
        return Outcome(found.lost, found.twice, tuple(f"{user}: {words}" for words in found.words))

    def _unnamed(self, user: str, state: UserState) -> set[str]:
        """Of what the user did: not named by any list so far, nor to be named by the next one."""
        mine = {each.name for each in self.load.messages if self.load.person(each.key) == user} & self.load.names()
        return mine - self.watcher.named - {each.event_id for each in state.unnamed}

    def _commands(self) -> Outcome:
        wrong = {
            command: self.watcher.receipts.get(command, [])
            for command in self.load.command_ids
            if set(self.watcher.receipts.get(command, ())) != {"done"}
        }
        return Outcome(len(wrong), 0, tuple(f"{name}: receipts {statuses}" for name, statuses in wrong.items()))

    def dead_letters(self) -> Outcome:
        """The poison, once each, and nothing else; of what was fuzzed, what no list names."""
        found = Outcome()
        due: set[Position] = set()
        for each in self.load.poison:
            for place in self.places.get(each.name, ()):
                due.add(place)
                found += self._dead_letter(each, place)
        for each in self.load.fuzzed:
            for place in self.places.get(each.name, ()):
                copy = self.watcher.copies.get("-".join(map(str, place)), place)
                due |= {place, copy}
                found += self._either(each, {place, copy})
        more = self.watcher.dead_letters.keys() - due
        words = tuple(
            f"a dead letter of {place}: {self.watcher.dead_letters[place][0]!r}"[:500] for place in sorted(more)
        )
        aborted = sorted(name for name in self.watcher.named if name.startswith(GONE))
        words += tuple(f"a list names {name}, which was never committed" for name in aborted)
        return found + Outcome(0, len(more) + len(aborted), words)

    def _dead_letter(self, poison: LoadMessage, place: Position) -> Outcome:
        """It became a dead letter once, with all its bytes unless these are too many."""
        dead_letters, value = self.watcher.dead_letters.get(place, []), poison.value()
        if not dead_letters:
            return Outcome(1, 0, (f"no dead letter of {poison.name}: {value[:200]!r}",))
        if len(value) <= WHOLE_BYTES and dead_letters[0].value != value:
            return Outcome(1, 0, (f"the dead letter of {poison.name} has other bytes: {dead_letters[0]!r}"[:500],))
        if poison.reason and dead_letters[0].reason != poison.reason:
            return Outcome(
                1, 0, (f"the dead letter of {poison.name} says {dead_letters[0].reason}, not {poison.reason}",)
            )
        again = len(dead_letters) - 1
        return Outcome(0, again, (f"{again} more dead letters of {poison.name}",)) if again else FINE

    def _either(self, fuzzed: LoadMessage, places: set[Position]) -> Outcome:
        dead_letters = sum(len(self.watcher.dead_letters.get(place, ())) for place in places)
        named = bool(places & self.watcher.named_at)
        if dead_letters + named == 1:
            return FINE
        what = f"{fuzzed.name} is {'named' if named else 'not named'}, and has {dead_letters} dead letters"
        words = f"{what}: {fuzzed.value()[:200]!r}, key {fuzzed.key_bytes!r}, headers {fuzzed.headers}"
        return Outcome(0, dead_letters + named - 1, (words,)) if dead_letters or named else Outcome(1, 0, (words,))

    def _covisits(self) -> Outcome:
        """The pairs of every event that counts between items were announced, under one of its records."""
        if not self.pairs_kept:
            return FINE
        weigh = self.oracle.weight
        due = {
            each.event_id
            for each in self.load.events
            if each.item is not None
            and weigh(each).covisit
            and each.user not in self.load.erased
            and each.user not in self.load.merged  # announced from where it was passed on, if it came after the merge
            and each.event_id not in self.load.retracted
        }
        announced = {self.watcher.records[place] for place in self.watcher.paired & self.watcher.records.keys()}
        missing = due & set(self.watcher.records.values()) - announced
        return Outcome(len(missing), 0, (f"no co-visits of {sorted(missing)}",)) if missing else FINE


def compare(expected: Expected, state: UserState) -> Outcome:
    """One user's state against what it must be."""
    ring = [(each.event_id, each.item_id, each.retracted) for each in state.ring]
    wanted, there = Counter(expected.ring), Counter(ring)
    lost, twice = (wanted - there).total(), max((there - wanted).total() - (wanted - there).total(), 0)
    words = [] if ring == expected.ring else [f"ring: missing {list(wanted - there)}, more {list(there - wanted)}"]
    event_count = state.event_count - len(expected.pulls)
    words += [f"{event_count:+} events in the long vector"] if event_count else []
    seen = {int(row["item"]): int(row["count"]) for row in state.seen if row["count"]}
    less, more = Counter(expected.seen) - Counter(seen), Counter(seen) - Counter(expected.seen)
    words += [f"seen set: -{less.total()} +{more.total()}"] if less or more else []
    fewer, further = 0, 0
    for name, wanted_items, rows in (
        ("impressions", expected.shown, state.impressions),
        ("purchases", expected.bought, state.purchases),
    ):
        items = Counter(item for item in rows["item"].tolist() if item)
        gone, over = Counter(wanted_items) - items, items - Counter(wanted_items)
        words += [f"{name}: -{gone.total()} +{over.total()}"] if gone or over else []
        fewer, further = max(fewer, gone.total()), max(further, over.total())
    texts = [(each.event_id, bool(each.vector)) for each in state.texts]
    words += [] if texts == expected.texts else [f"texts: {texts} instead of {expected.texts}"]
    words += [f"{len(state.pending)} events and {len(state.retractions)} retractions wait"] if _waits(state) else []
    lost = max(lost, -event_count, less.total(), fewer, _waits(state))
    twice = max(twice, event_count, more.total(), further)
    off = _distance(expected, state)
    if off > TOLERANCE * max(expected.reach, 1.0):
        words.append(f"the long vector is off by {off:.4f}, of {expected.reach:.1f}")
        lost, twice = (lost, twice) if lost or twice else (1, 1)  # one event stands there for another
    elif words and not lost and not twice:
        lost = 1
    return Outcome(lost, twice, tuple(words))


def _in_words(state: UserState) -> str:
    ring, texts = [each.event_id for each in state.ring], [each.event_id for each in state.texts]
    pending = [each.event_id for each in state.pending] + [each.event_id for each in state.retractions]
    return f"ring {ring}, texts {texts}, waiting {pending}, to be named {[each.event_id for each in state.unnamed]}"


def _waits(state: UserState) -> int:
    return len(state.pending) + len(state.retractions)


def _distance(expected: Expected, state: UserState) -> float:
    if state.long is None:
        return expected.reach
    return float(np.linalg.norm(expected.long(state.reference_ms) - state.long))


def _last_list(state: UserState, last: ListMessage | None) -> Outcome:
    """The last list on the topic is the one of this state, and speaks of what stands in it."""
    if last is None or last["version"] != state.list_version:
        stands = "none" if last is None else last["version"]
        return Outcome(1, 0, (f"the last list is {stands}, the state's is {state.list_version}",))
    known: Mapping[str, bool] = {each.event_id: each.retracted for each in state.ring}
    reasons = {reason["event_id"] for item in last["items"] for reason in item["reasons"] if reason["event_id"]}
    stale = sorted(event_id for event_id in reasons if known.get(event_id, False))
    return Outcome(len(stale), 0, (f"the last list has reasons that were retracted: {stale}",)) if stale else FINE
