"""The faults, as data: what each is called, how often it is run, and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.faults import (
    by_input,
    by_leaders,
    by_links,
    by_pairs,
    by_primaries,
    by_refusal,
    by_services,
    by_transfers,
    by_versions,
    by_workers,
)
from tests.faults.load import Load, Shape, make_load, shuffled, twice, with_hot_user
from tests.faults.load_sender import PACKED, TRANSACTIONAL
from tests.faults.poison import fuzzed, poisoned, that_kills, too_large, unreadable, with_clocks
from tests.faults.scenario import Scenario
from tests.support.tcp_proxy import DEAF, SLOW, trickle

IN_CI = {"store-deaf"}  # of the links
MakeLoad = Callable[[int, int], Load]  # seed, ms since 1970


@dataclass(frozen=True)
class FaultKind:
    """One row. ci, full: how many runs on Apache Kafka; embedded: how many on the embedded broker, when all are run.

    `--runs ci` leaves out what another kind does in a harder way: `kill` and `zombie` at random (`after_save` is the
    worst moment), `two-removed` (`term`, and `two-added`), `redis-restarted` (`redis-gone`, `redis-put-back`),
    `encoder-raises` (`encoder-hangs`), `redis-read-only` (`redis-full`; tests/acceptance/test_local_lasts.py has both),
    `partitioner`, `codecs`, `unreadable` and `too-large` (tests/foreign, on the same broker), `late` (`shuffled`),
    `idle` (it takes minutes). Of what takes long, or is drawn, it has the kinds whose answers are lost: `store-deaf`
    (executed, not answered) and `fail-over` (answered, not kept). `.ci/run` names ten of them.
    """

    name: str
    title: str
    act: Callable[[Scenario], None]
    ci: int
    full: int
    embedded: int = 0
    make: MakeLoad = make_load


def _large(seed: int, now_ms: int) -> Load:
    return make_load(seed, now_ms, Shape(usual=90))


def _wordy(seed: int, now_ms: int) -> Load:
    """No text is in the encoder's cache, and nobody has more of them than may wait."""
    return make_load(seed, now_ms, Shape(many=0, own_texts=True))


def _racing(seed: int, now_ms: int) -> Load:
    """Everybody is merged, erased or retracted from, at about the same time."""
    return shuffled(make_load(seed, now_ms, Shape(usual=14, many=0, erased=7, merged=24)), 60)


def _hot(seed: int, now_ms: int) -> Load:
    return with_hot_user(make_load(seed, now_ms), 4000)


def _killing(seed: int, now_ms: int) -> Load:
    return that_kills(make_load(seed, now_ms))


def _spoiled(spoil: Callable[[Load, float], Load], share: float) -> MakeLoad:
    return lambda seed, now_ms: spoil(_large(seed, now_ms), share)


KINDS = (
    FaultKind("kill", "kill -9 at a random moment", by_workers.killed, 0, 5, embedded=1),
    *(
        FaultKind(f"kill-{point}", f"kill -9 {words}", partial(by_workers.killed_at, point), ci, 4)
        for point, words, ci in (
            ("after_announce", "before the state is saved", 0),
            ("after_save", "between save and publish", 1),
            ("after_publish", "between publish and acknowledgement", 0),
            ("merge_after_save", "between save and handoff of a merge", 1),
            ("merge_after_apply", "between save and confirmation of a merge", 0),
        )
    ),
    FaultKind("quarantine", "a record that ends the process", by_input.killed_by_a_record, 1, 3, make=_killing),
    FaultKind("term", "SIGTERM in the middle of a batch", by_workers.terminated, 1, 5, embedded=1),
    FaultKind("two-killed", "two workers, one killed", by_workers.one_of_two_killed, 1, 5),
    FaultKind("two-added", "a second worker joins", by_workers.one_added, 1, 5),
    FaultKind("two-removed", "one of two workers leaves", by_workers.one_removed, 0, 5),
    FaultKind("zombie", "frozen past its session, thawed", by_workers.zombie, 0, 3),
    *(
        FaultKind(f"zombie-{point}", f"frozen {words}", partial(by_workers.zombie_at, point), ci, 3)
        for point, words, ci in (
            ("after_announce", "before the state is saved, thawed", 0),
            ("after_save", "between save and publish, thawed", 1),
        )
    ),
    FaultKind("redis-gone", "Redis gone for 20 s (CI: 5 s)", by_services.store_gone, 1, 3),
    FaultKind("redis-restarted", "Redis restarted from its file", by_services.store_restarted, 0, 3),
    FaultKind("redis-put-back", "Redis put back to a copy 5 s old", by_services.store_put_back, 1, 3),
    FaultKind("redis-emptied", "Redis emptied", by_services.store_emptied, 1, 3),
    FaultKind("redis-full", "Redis full for 20 s (CI: 5 s)", by_refusal.store_full, 1, 3, embedded=1),
    FaultKind("redis-read-only", "Redis read-only for 20 s", by_refusal.store_read_only, 0, 3),
    FaultKind("broker-gone", "broker gone for 20 s (CI: 5 s)", by_services.broker_gone, 1, 3),
    *(
        FaultKind(
            f"{to}-{name}", f"{title} {words}", partial(by_links.hindered, to, link), int(f"{to}-{name}" in IN_CI), 3
        )
        for to, title in ((by_links.STORE, "Redis"), (by_links.BROKER, "broker"))
        for name, words, link in (
            ("slow", "answers after 2 to 8 s, for 20 s", SLOW),
            ("trickles", "at 4 KB/s, for 20 s", trickle(4000.0)),
            ("deaf", "does what it is asked, answers are lost, for 20 s", DEAF),
        )
    ),
    FaultKind("store-hidden", "one of two workers sees no Redis for 20 s", by_links.store_out_of_sight, 0, 3),
    FaultKind("broker-hidden", "one of two sees no broker past its session", by_links.broker_out_of_sight, 0, 3),
    FaultKind("redis-disk-full", "the disk of Redis's file full for 20 s", by_refusal.store_disk_full, 0, 2),
    FaultKind("broker-disk-full", "the disk of the broker's log full", by_services.broker_disk_full, 0, 2),
    FaultKind("log-cut", "the log loses its end, read on by --lost-since", by_services.log_cut, 0, 3),
    FaultKind("leader-lost", "unclean election, the log's end lost", by_leaders.lost_by_an_unclean_election, 0, 3),
    FaultKind("leader-kept", "the same with two in sync", by_leaders.kept_by_two, 0, 2),
    FaultKind(
        "transfers",
        "merges, erasures, retractions; killed at each point",
        by_transfers.killed_at_each_point,
        0,
        3,
        make=_racing,
    ),
    FaultKind("two-random", "two faults at once, by seed", by_pairs.two_at_random, 0, 10),
    FaultKind("upgrade", "rolling upgrade, and back", by_versions.upgraded_and_back, 0, 1),
    FaultKind("fail-over", "fail-over of sentinels, the last writes lost", by_primaries.fail_over, 1, 3),
    FaultKind("two-primaries", "primary cut off, writable to one worker", by_primaries.two_primaries, 0, 3),
    FaultKind("node-hangs", "one of a Redis Cluster's three hangs for 20 s", by_primaries.node_hangs, 0, 3),
    FaultKind("topics-anew", "topics created again, adopted", by_services.topics_recreated, 1, 3),
    FaultKind("encoder-raises", "encoder raising", partial(by_services.encoder_fails, "raise"), 0, 3, make=_wordy),
    FaultKind("encoder-hangs", "encoder hanging", partial(by_services.encoder_fails, "hang"), 1, 3, make=_wordy),
    FaultKind(
        "twice",
        "all sent twice, group offsets set back",
        by_input.delivered_again,
        1,
        5,
        make=lambda seed, now_ms: twice(make_load(seed, now_ms)),
    ),
    FaultKind(
        "shuffled",
        "shuffled within 1,000",
        by_input.as_it_comes,
        1,
        5,
        embedded=1,
        make=lambda seed, now_ms: shuffled(_large(seed, now_ms), 1000),
    ),
    FaultKind(
        "late",
        "a third of the events a day late",
        by_input.as_it_comes,
        0,
        5,
        make=lambda seed, now_ms: make_load(seed, now_ms, Shape(late_share=1 / 3)),
    ),
    FaultKind("partitioner", "producers partition by CRC32", by_input.other_partitioner, 0, 3, embedded=1),
    FaultKind(
        "poison",
        "poison, 1 %",
        by_input.as_it_comes,
        1,
        3,
        make=_spoiled(poisoned, 0.01),
    ),
    FaultKind(
        "fuzzed-poison", "good records changed at random, 5 %", by_input.as_it_comes, 1, 5, 1, _spoiled(fuzzed, 0.05)
    ),
    FaultKind("unreadable", "header names not UTF-8, 1 %", by_input.as_it_comes, 0, 3, make=_spoiled(unreadable, 0.01)),
    FaultKind("too-large", "too large, and bombs, 1 %", by_input.with_bombs, 0, 3, make=_spoiled(too_large, 0.01)),
    FaultKind("clocks", "producers' clocks in 2100, 1 %", by_input.as_it_comes, 1, 3, make=_spoiled(with_clocks, 0.01)),
    FaultKind("codecs", "each message by another codec", partial(by_input.sent_as, PACKED), 0, 3, embedded=1),
    FaultKind("transactions", "in transactions, a third aborted", partial(by_input.sent_as, TRANSACTIONAL), 1, 3),
    FaultKind("idle", "idle behind markers for 2 min (CI: 5 s)", by_input.idle_behind_a_marker, 0, 1),
    FaultKind("hot-user", "4,000 clicks of one user at once", by_input.one_hot_user, 1, 3, make=_hot),
)
