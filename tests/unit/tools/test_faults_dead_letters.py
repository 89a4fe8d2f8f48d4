"""The checker's view of dead letters: one too few, one too many, one of nobody's, and what was never committed."""

from collections.abc import Mapping, Sequence

from kafka.consumer.fetcher import ConsumerRecord

from penchant.topics import Topics
from stream.events.weights import load_weights
from stream.testing import FINGERPRINT, NOW_MS, embed_by_words
from tests.faults.checker import FINE, Checker, Outcome, Stored
from tests.faults.load import CLICKS, Load, LoadMessage, Shape, make_load
from tests.faults.oracle import Oracle
from tests.faults.poison import fuzzed, poisoned, with_clocks
from tests.faults.producers import Position
from tests.faults.watcher import Observed

TOPICS = Topics("t")
LOAD = poisoned(fuzzed(make_load(1, NOW_MS, Shape(usual=4, many=0)), 0.1), 0.1)


def places(load: Load) -> dict[str, list[Position]]:
    """Each odd message in a place of its own."""
    odd = (*load.poison, *load.fuzzed)
    return {each.name: [(f"t.{each.topic}.v1", 0, offset)] for offset, each in enumerate(odd)}


def dead_lettered(seen: Observed, message: LoadMessage, place: Position, value: bytes | None = None) -> None:
    """Have it seen as a dead letter."""
    said = {"error": "schema", "topic": place[0], "partition": str(place[1]), "offset": str(place[2])}
    headers = [(f"penchant.{name}", text.encode()) for name, text in said.items()]
    record(seen, f"{place[0]}.dlq", message.value() if value is None else value, headers)


def record(seen: Observed, topic: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
    seen.take(ConsumerRecord(topic, 0, 0, 0, NOW_MS, 0, b"u1", value, list(headers), None, 0, 0, 0))


def checked(seen: Observed, where: Mapping[str, Sequence[Position]], load: Load = LOAD) -> Outcome:
    oracle = Oracle(load_weights(), {}, embed_by_words)
    return Checker(load, oracle, Stored("", "t", 1, FINGERPRINT), seen, where).dead_letters()


def all_but(*left_out: LoadMessage) -> Observed:
    """Everything odd as a dead letter, but these."""
    seen, where = Observed(TOPICS), places(LOAD)
    for each in (*LOAD.poison, *LOAD.fuzzed):
        if each not in left_out:
            dead_lettered(seen, each, where[each.name][0])
    return seen


def test_every_odd_message_once_is_fine() -> None:
    assert checked(all_but(), places(LOAD)) == FINE


def test_a_dead_letter_that_is_missing_is_lost() -> None:
    found = checked(all_but(LOAD.poison[0], LOAD.fuzzed[0]), places(LOAD))
    assert (found.lost, found.twice) == (2, 0)


def test_a_dead_letter_too_many_counts_twice() -> None:
    seen, where = all_but(), places(LOAD)
    for each in (LOAD.poison[1], LOAD.fuzzed[1]):
        dead_lettered(seen, each, where[each.name][0])
    found = checked(seen, where)
    assert (found.lost, found.twice) == (0, 2)


def test_a_dead_letter_with_other_bytes_is_lost() -> None:
    seen, where = all_but(LOAD.poison[2]), places(LOAD)
    dead_lettered(seen, LOAD.poison[2], where[LOAD.poison[2].name][0], b"something else")
    assert checked(seen, where).lost == 1


def test_a_dead_letter_for_another_reason_is_lost() -> None:
    load = with_clocks(LOAD, 0.01)
    where = places(load)
    seen = Observed(TOPICS)
    for each in (*load.poison, *load.fuzzed):
        dead_lettered(seen, each, where[each.name][0])
    late = [each for each in load.poison if each.reason]
    assert checked(seen, where, load).lost == len(late) > 0, "their dead letters say `schema`"


def test_a_dead_letter_of_a_good_message_is_one_too_many() -> None:
    seen = all_but()
    dead_lettered(seen, LOAD.messages[0], (TOPICS.clicks, 3, 999))
    assert checked(seen, places(LOAD)).twice == 1


def test_what_was_fuzzed_may_be_named_instead_also_where_it_was_forwarded_to() -> None:
    here, there = LOAD.fuzzed[:2]
    seen, where = all_but(here, there), places(LOAD)
    topic, partition, offset = where[there.name][0]
    record(seen, f"t.{CLICKS}.v1", b"{}", [("penchant.origin", f"{topic}-{partition}-{offset}".encode())])
    refs = [where[here.name][0], (f"t.{CLICKS}.v1", 0, 0)]
    seen.named_at.update(refs)
    assert checked(seen, where) == FINE
    dead_lettered(seen, here, where[here.name][0])
    assert checked(seen, where).twice == 1


def test_what_was_never_committed_is_seen() -> None:
    seen = all_but()
    seen.named.add("gone-c1")
    assert checked(seen, places(LOAD)).twice == 1
