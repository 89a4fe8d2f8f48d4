"""A replay on fakes: what is compared and how exactly, which copies count, and that owners' talk is told again."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from penchant.errors import Rejected
from penchant.partitioner import partition_of
from serving.state.user_state import IMPRESSIONS, SEEN, UserState, encode
from stream.containment.faults import Guard
from stream.events.dead_letters import dead_letter_message
from stream.events.decoder import Decoder
from stream.events.records import DeadLetter, Record
from stream.events.weights import load_weights
from stream.pipeline import Pipeline
from stream.processing.batch import CoVisitDetail, Limits
from stream.rebuild.caveats import Added, AuditNotes, Caveat
from stream.rebuild.compare import Difference, Yardstick, differences, knows_more
from stream.rebuild.item_vectors import Items
from stream.rebuild.memory_store import MemoryUsers
from stream.rebuild.rebuild import Replay
from stream.rebuild.replay_ports import ReplayEffects, ReplayIntake, ReplayPipeline
from stream.rebuild.side_topics import dead_lettered
from stream.store.pending_index import PendingIndex
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, WORDS, embed_by_words, embed_texts, record
from tests.support.held_log import HeldLog
from tests.support.states import by_hand

HALF_LIFE_MS = Limits().bounds.half_life_ms
PARTITIONS = 4
Change = Callable[[UserState], object]


def yardstick(total: float = 1.0, texts: float = 0.0, now_ms: int = NOW_MS) -> Yardstick:
    return Yardstick(Limits(), Added(1_790_000_000_000, total, texts), now_ms)


def fields(live: UserState, rebuilt: UserState, by: Yardstick | None = None) -> list[str]:
    return [each.field for each in differences(live, rebuilt, by or yardstick())]


def test_a_state_is_equal_to_itself() -> None:
    assert differences(by_hand(), by_hand(), yardstick(total=0.0)) == []


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("long", lambda state: state.long.__setitem__(0, 0.6)),
        ("event_count", lambda state: setattr(state, "event_count", 8)),
        ("ring", lambda state: state.ring.pop()),
        ("texts", lambda state: state.texts.clear()),
        ("texts", lambda state: state.texts.append(msgspec.structs.replace(state.texts.pop(), vector=bytes(16)))),
        ("texts", lambda state: state.texts.append(msgspec.structs.replace(state.texts.pop(), against=b"\0\0"))),
        ("dedup_ids", lambda state: state.dedup_ids.pop()),
        ("retracted_ids", lambda state: state.retracted_ids.append(99)),
        ("seen", lambda state: state.seen["count"].__setitem__(0, 4)),
        ("pending", lambda state: state.pending.pop()),
        ("retractions", lambda state: state.retractions.clear()),
        ("alias", lambda state: setattr(state, "alias", None)),
        ("merges", lambda state: state.merges.clear()),
    ],
)
def test_every_field_is_compared(field: str, change: Change) -> None:
    altered = by_hand()
    change(altered)
    if field in {"pending", "retractions"}:
        assert fields(by_hand(), altered, yardstick(now_ms=1_790_000_000_002)) == [field]
    else:
        assert fields(by_hand(), altered) == [field]
        assert fields(altered, by_hand()) == [field]


def test_what_only_the_next_list_needs_is_not_compared() -> None:
    altered = by_hand()
    altered.list_version, altered.unnamed, altered.unnamed_more = 1, [], 0
    altered.dedup_ids.reverse()

    assert fields(by_hand(), altered) == []


def test_what_has_waited_too_long_is_on_its_way_out() -> None:
    altered = by_hand()
    altered.pending.clear()
    altered.retractions.clear()

    assert fields(by_hand(), altered, yardstick(now_ms=1_790_000_000_010 + Limits().longest_missed_ms)) == []


def test_the_long_vector_is_exact_by_how_much_was_added() -> None:
    """Given a vector that is off by 1e-4, then that is too much of 1, as much as 10 allow, and of a text's a little."""
    altered = by_hand()
    assert altered.long is not None
    altered.long[0] += np.float32(1e-4)

    assert fields(by_hand(), altered, yardstick(total=1.0)) == ["long"]
    assert fields(by_hand(), altered, yardstick(total=50.0)) == []
    assert fields(by_hand(), altered, yardstick(total=1.0, texts=1.0)) == []


def test_the_long_vector_is_compared_at_one_time() -> None:
    moved = by_hand()
    assert moved.long is not None
    moved.long /= 2
    moved.reference_ms += HALF_LIFE_MS

    assert fields(by_hand(), moved) == []


def test_a_full_window_of_ids_is_the_last_by_arrival() -> None:
    live, rebuilt = by_hand(), by_hand()
    live.dedup_ids, rebuilt.dedup_ids = list(range(64)), list(range(10, 74))
    assert fields(live, rebuilt) == []

    live.dedup_ids.pop()
    assert fields(live, rebuilt) == ["dedup_ids"]


def test_a_live_state_that_counts_what_the_log_lost_knows_more() -> None:
    less = by_hand()
    less.ring.pop()

    assert knows_more(by_hand(), less)
    assert not knows_more(less, by_hand())
    assert not knows_more(by_hand(), by_hand())


def test_what_was_added_decays() -> None:
    added = Added(0, 4.0, 2.0)
    added.move(HALF_LIFE_MS, HALF_LIFE_MS)

    assert (added.total, added.texts) == (2.0, 1.0)


class Replayed:
    """A replay on fakes; offsets are given by order."""

    def __init__(self, covisits: CoVisitDetail = CoVisitDetail.FULL) -> None:
        self.limits = Limits(covisits=covisits)
        self.users = MemoryUsers(FINGERPRINT)
        self.audit_notes = AuditNotes(HALF_LIFE_MS)
        self.pipeline = self._pipeline(wall_ms=NOW_MS)
        self._offset = 0

    def _pipeline(self, wall_ms: int) -> ReplayPipeline:
        guard, decoder = Guard(), Decoder(TOPICS, load_weights(), PARTITIONS, {}, clock=lambda: wall_ms)
        intake = ReplayIntake(decoder=decoder, transfers=TOPICS.transfers, guard=guard, audit_notes=self.audit_notes)
        effects = ReplayEffects(audit_notes=self.audit_notes)
        pipeline = Pipeline(
            intake=intake,
            effects=effects,
            decoder=decoder,
            embedder=embed_texts,
            items=lambda item_id: embed_by_words(WORDS[0]) if item_id.startswith("i") else None,
            store=self.users,
            waiting=PendingIndex(),
            limits=self.limits,
            fingerprint=FINGERPRINT,
            clock=lambda: NOW_MS,
            guard=guard,
        )
        return ReplayPipeline(pipeline, intake, effects, PARTITIONS)

    async def takes(self, *records: Record) -> None:
        await self.pipeline.process(records)

    def like(self, user: str, event_id: str | None, partition: int | None = None, **headers: bytes) -> Record:
        body = {"user_id": user, "item_id": "i1", "type": "like"} | ({"event_id": event_id} if event_id else {})
        return self._record(TOPICS.clicks, body, user, partition, **headers)

    def command(self, user: str, kind: str, **fields: str) -> Record:
        body = {"command_id": f"{kind}-{user}", "type": kind, "user_id": user} | fields
        return self._record(TOPICS.commands, body, user, None)

    def state(self, user: str) -> UserState:
        return self.users.state(home(user), user)

    def _record(self, topic: str, body: Any, user: str, partition: int | None, **headers: bytes) -> Record:
        self._offset += 1
        named = tuple((f"penchant.{name}", value) for name, value in headers.items())
        return record(
            topic, body, self._offset, partition=home(user) if partition is None else partition, headers=named
        )


def home(user: str) -> int:
    return partition_of(user, PARTITIONS)


@pytest.fixture
def replayed() -> Replayed:
    return Replayed()


async def test_a_copy_of_what_lay_right_is_skipped(replayed: Replayed) -> None:
    """Given an event that was sent back from the dead letters, when both are read, then the original counts alone."""
    original = replayed.like("u1", None)
    place = f"{original.topic}-{original.partition}-{original.offset}"

    await replayed.takes(original, *(replayed.like("u1", f"e{n}") for n in range(70)))
    await replayed.takes(replayed.like("u1", None, origin=place.encode()))

    assert replayed.state("u1").event_count == 71, "its id is forgotten, so only its header tells"


async def test_what_lay_wrong_counts_where_its_copy_stands(replayed: Replayed) -> None:
    wrong = (home("u1") + 1) % PARTITIONS
    original = replayed.like("u1", None, partition=wrong)
    place = f"{original.topic}-{wrong}-{original.offset}"

    await replayed.takes(original)
    assert replayed.state("u1").event_count == 0

    await replayed.takes(replayed.like("u1", None, origin=place.encode()))
    await replayed.pipeline.replay_misrouted()
    assert replayed.state("u1").event_count == 1
    assert [event.event_id for event in replayed.state("u1").ring] == [place]


async def test_a_misrouted_record_is_replayed_without_its_copy(replayed: Replayed) -> None:
    wrong = (home("u1") + 1) % PARTITIONS
    original = replayed.like("u1", None, partition=wrong)

    await replayed.takes(original)
    await replayed.pipeline.replay_misrouted()

    assert [event.event_id for event in replayed.state("u1").ring] == [f"{original.topic}-{wrong}-{original.offset}"]


async def test_merged_users_are_one_whatever_comes_first(replayed: Replayed) -> None:
    """Given users of two partitions, when merged in a chain, then all of their events are the last target's."""
    people = ["u1", next(f"v{n}" for n in range(99) if home(f"v{n}") != home("u1")), "u3"]
    merges = [replayed.command(people[n + 1], "merge", anonymous_id=people[n]) for n in range(2)]
    first, later = ([replayed.like(user, f"{when}-{user}") for user in people] for when in ("first", "later"))

    await replayed.takes(*first, *merges)
    await replayed.takes(*later, replayed.command("u3", "retract", event_id="later-u1"))

    target = replayed.state("u3")
    assert target.event_count == 5
    assert sorted(event.event_id for event in target.ring if not event.retracted) == sorted(
        f"{when}-{user}" for when in ("first", "later") for user in people if (when, user) != ("later", "u1")
    )
    for user in people[:2]:
        alias = replayed.state(user).alias
        assert alias is not None
        assert not alias.held
        assert replayed.state(user).long is None
    assert replayed.audit_notes.added["u3"].total == pytest.approx(6 * load_weights().of("like", None).preference)


async def test_an_erased_user_stays_out(replayed: Replayed) -> None:
    await replayed.takes(replayed.like("u1", "e1"), replayed.command("u1", "erase"), replayed.like("u1", "e2"))

    assert (home("u1"), "u1") not in replayed.users
    assert replayed.users.erased == {home("u1"): {"u1": NOW_MS}}


async def test_whom_a_replay_cannot_be_sure_of(replayed: Replayed) -> None:
    """Given an event that was a dead letter, one that would be one now, and one on a revised item, all are told."""
    aside, sure = replayed.like("u1", "e1"), replayed.like("u2", "e1")
    replayed.audit_notes.dead_lettered = frozenset({f"{aside.topic}-{aside.partition}-{aside.offset}"})
    reused = replayed._record(
        TOPICS.clicks, {"user_id": "u3", "item_id": "i2", "type": "like", "event_id": "e1"}, "u3", None
    )

    await replayed.takes(aside, sure, replayed.like("u3", "e1"), reused)
    replayed.audit_notes.revised = lambda item_id, _: item_id == "i1"
    await replayed.takes(replayed.like("u4", "e1"))

    assert replayed.audit_notes.caveats == {
        "u1": {Caveat.DEAD_LETTERED},
        "u3": {Caveat.DEAD_LETTERED},
        "u4": {Caveat.REVISED},
    }


def test_a_difference_says_by_how_much() -> None:
    altered = copy.deepcopy(by_hand())
    altered.seen = np.append(altered.seen, np.array([(7, 7, 7, 7, 7)], SEEN))

    altered.impressions = altered.impressions[1:]
    altered.purchases = np.append(altered.purchases[:1], np.array([(7, 7, 7)], IMPRESSIONS))

    assert differences(altered, by_hand(), yardstick()) == [
        Difference("seen", "1 items more or altered, 0 fewer or altered"),
        Difference("impressions", "0 impressions more, 1 fewer"),
        Difference("purchases", "1 purchases more, 1 fewer"),
    ]


async def test_a_replay_makes_the_same_states_whatever_it_notes_of_co_visits() -> None:
    """Given events of which some count less for everybody, when replayed with all details, weights or nothing.

    Then states are equal byte by byte, and weights are the same where they are asked for.
    """
    full, weight, nothing = (Replayed(detail) for detail in CoVisitDetail)
    for each in (full, weight, nothing):
        await each.takes(*(each.like("u1", f"e{n}") for n in range(30)), each.like("u2", "e1"))

    for user in ("u1", "u2"):
        states = {encode(each.state(user), FINGERPRINT) for each in (full, weight, nothing)}
        assert len(states) == 1
    assert full.audit_notes.totals == weight.audit_notes.totals == {"i1": 2 * load_weights().of("like", None).covisit}
    assert nothing.audit_notes.totals == {}


# --- Clocks ---


class NoItems:
    """A catalogue that stays as it is."""

    async def follow(self) -> list[str]:
        return []


async def advance(replayed: Replayed, *records: Record, wall_ms: int) -> Replay:
    """Given a replay under a wall clock, when it reads records: where its own clock stands then."""
    replayed.pipeline = replayed._pipeline(wall_ms)
    log = HeldLog(*records)
    replay = Replay(log, cast("Items", NoItems()), replayed.pipeline, wall_ms=lambda: wall_ms)
    await replay.advance(await log.ends((each.topic, each.partition) for each in records))
    return replay


@pytest.mark.parametrize("false_ms", [NOW_MS + 3_600_001, 4_260_211_200_000, NOW_MS * 1000])
async def test_a_record_of_a_time_to_come_is_left_out_and_moves_no_clock(replayed: Replayed, false_ms: int) -> None:
    false, true = replayed.like("u1", "false"), replayed.like("u1", "true")
    replay = await advance(replayed, replace(false, timestamp_ms=false_ms), true, wall_ms=NOW_MS)

    assert [event.event_id for event in replayed.state("u1").ring] == ["true"]
    assert replay.clock.now_ms == NOW_MS


async def test_what_was_ahead_of_a_clock_once_may_differ(replayed: Replayed) -> None:
    """Given a dead letter of a record two hours ahead, when a replay reads it a day later, then it counts there.

    So its user is listed apart, and nobody else is.
    """
    ahead = replace(replayed.like("u1", "ahead"), timestamp_ms=NOW_MS + 7_200_000)
    with pytest.raises(Rejected) as why:
        replayed.pipeline.intake.decoder.decode(ahead)
    dead_letter = dead_letter_message(DeadLetter(ahead, why.value.reason, str(why.value), "decode"), NOW_MS)
    lies = Record(
        dead_letter.topic, ahead.partition, 0, NOW_MS, dead_letter.key, dead_letter.value, dead_letter.headers
    )
    replayed.audit_notes.dead_lettered = await dead_lettered(HeldLog(lies), TOPICS)

    await advance(replayed, ahead, replayed.like("u2", "true"), wall_ms=NOW_MS + 86_400_000)

    assert [event.event_id for event in replayed.state("u1").ring] == ["ahead"]
    assert replayed.audit_notes.caveats == {"u1": {Caveat.DEAD_LETTERED}}
