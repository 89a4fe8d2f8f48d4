"""Item statistics: each source offset once, and the same after they were copied, written, read and taken over."""

import binascii
from dataclasses import astuple, replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import BrokenState, Misconfigured
from penchant.messages import CoVisitEvent, CoVisits
from serving.catalogue import Catalogue
from serving.ranking import snapshots
from serving.ranking.popularity import RECENT
from serving.ranking.statistics import Statistics, StatisticsSnapshot
from stream.testing import FINGERPRINT, NOW_MS, TOPICS
from tests.support.newer import newer

COVISITS = TOPICS.covisits
OLD = {TOPICS.clicks: "c/1", TOPICS.reviews: "c/2", COVISITS: "c/3"}
ANEW = {TOPICS.clicks: "c/4", TOPICS.reviews: "c/2", COVISITS: "c/5"}


def fresh(identities: dict[str, str] | None = None, *known: str) -> Statistics:
    """Statistics whose catalogue has heard of some items before."""
    catalogue = Catalogue(8, FINGERPRINT, capacity=2)
    for item_id in known:
        catalogue.row(item_id)
    return Statistics(catalogue, OLD if identities is None else identities)


def message(first: int, *items: str, topic: str = TOPICS.clicks, partition: int = 0, pair: float = 1.0) -> CoVisits:
    """Events of one user, who had no interactions before them."""
    rings = [[(other, pair) for other in reversed(items[:n])] for n in range(len(items))]
    pairs = [CoVisitEvent(first + n, item, pair, rings[n][:20]) for n, item in enumerate(items)]
    return CoVisits(topic=topic, partition=partition, first=first, last=first + len(items) - 1, events=pairs)


def numbers(statistics: Statistics) -> tuple[int, dict[str, tuple[float, float, float]]]:
    """Events in all, and by item what was summed, what of late, and how old it is: bit by bit what readers get."""
    snapshot = statistics.snapshot(COVISITS, 0, NOW_MS)
    n = len(snapshot.ids)
    popularity = statistics.popularity
    read = (popularity.totals(n), popularity.fading(n)[RECENT], popularity.ages(n))
    told = dict(zip(snapshot.ids, zip(*(each.tolist() for each in read), strict=True), strict=True))
    return snapshot.popular.events, {item_id: sums for item_id, sums in told.items() if sums[0]}


def links(statistics: Statistics) -> dict[tuple[str, str], tuple[float, float]]:
    """By item and neighbour the two numbers of their row."""
    snapshot = statistics.snapshot(COVISITS, 0, NOW_MS)
    found = snapshot.covisits.links(range(len(snapshot.ids)))
    owners = np.repeat(np.arange(len(snapshot.ids)), np.diff(found.starts)).tolist()
    pairs = [(snapshot.ids[row], snapshot.ids[item]) for row, item in zip(owners, found.items.tolist(), strict=True)]
    return dict(zip(pairs, zip(found.co_occurrence.tolist(), found.transition.tolist(), strict=True), strict=True))


def together(statistics: Statistics) -> dict[tuple[str, str], float]:
    """By two items what the EASE model counts."""
    snapshot = statistics.snapshot(COVISITS, 0, NOW_MS)
    ids = [snapshot.ids[row] for row in snapshot.gram.rows]
    counts = snapshot.gram.counts
    return {(one, other): float(counts[i, j]) for i, one in enumerate(ids) for j, other in enumerate(ids)}


def through_bytes(snapshot: StatisticsSnapshot) -> StatisticsSnapshot:
    return snapshots.decode(list(snapshots.encode(snapshot)))


def test_a_source_offset_counts_once() -> None:
    statistics = fresh()
    for each in (message(0, "a", "b"), message(0, "a", "b"), message(1, "b", "c"), message(0, "a", partition=1)):
        statistics.apply(each)
    events, sums = numbers(statistics)
    assert events == 4
    assert {item_id: total for item_id, (total, *_) in sums.items()} == {"a": 2.0, "b": 1.0, "c": 1.0}


_messages = st.lists(
    st.builds(
        lambda first, items, partition, pair: message(first, *items, partition=partition, pair=pair),
        st.integers(0, 30),
        st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5),
        st.integers(0, 2),
        st.floats(0.01, 2.0),
    ),
    max_size=20,
)


@given(_messages, _messages)
def test_going_on_from_a_snapshot_is_like_never_having_stopped(before: list[CoVisits], after: list[CoVisits]) -> None:
    """Given another numbering of items, then every number is the same bit by bit, now and after whatever comes."""
    running, restarted = fresh(), fresh(None, "f", "never taken", "a")
    for each in before:
        running.apply(each)
    restarted.restore(through_bytes(running.snapshot(COVISITS, 7, NOW_MS)))
    assert numbers(restarted) == numbers(running)
    assert links(restarted) == links(running)
    assert together(restarted) == together(running)
    for each in after:
        running.apply(each)
        restarted.apply(each)
    assert numbers(restarted) == numbers(running)
    assert links(restarted) == links(running)
    assert together(restarted) == together(running)


def test_a_moment_stands_still() -> None:
    statistics = fresh()
    statistics.apply(message(0, "a", "c"))
    snapshot = statistics.snapshot(COVISITS, 1, NOW_MS)
    before = numbers(statistics), links(statistics)
    statistics.apply(message(2, "a", "c", "b"))
    other = fresh()
    other.restore(snapshot)
    assert (numbers(other), links(other)) == before
    assert links(statistics) != before[1]
    assert (snapshot.ids, snapshot.reached, snapshot.made_ms) == (["a", "c"], 1, NOW_MS)


def test_offsets_of_topics_that_were_made_anew_begin_again() -> None:
    """Given new clicks and covisits under the old names, then what was counted stays, and their offsets count again."""
    statistics = fresh()
    statistics.apply(message(0, "a", "b"))
    statistics.apply(message(0, "r", topic=TOPICS.reviews))
    snapshot = through_bytes(statistics.snapshot(COVISITS, 2, NOW_MS))
    assert fresh(OLD).follows(snapshot, COVISITS)

    anew = fresh(ANEW)
    anew.restore(snapshot)
    assert not anew.follows(snapshot, COVISITS)
    anew.apply(message(0, "a"))
    anew.apply(message(0, "r", topic=TOPICS.reviews))
    events, sums = numbers(anew)
    assert events == 4
    assert {item_id: total for item_id, (total, *_) in sums.items()} == {"a": 2.0, "b": 1.0, "r": 1.0}


# --- As bytes ---


def large(items: int) -> StatisticsSnapshot:
    statistics = fresh()
    statistics.apply(message(0, *(f"物品{n}" for n in range(items))))
    statistics.apply(message(items, "物品0", pair=0.25))
    for n, gap_s in enumerate((90_000, 700_000, 0)):
        event = CoVisitEvent(items + 1 + n, f"物品{n % 2}", 1.0, [], purchase=(gap_s, 0))
        statistics.apply(CoVisits(topic=TOPICS.clicks, partition=0, first=0, last=items + 1 + n, events=[event]))
    return statistics.snapshot(COVISITS, 5, NOW_MS)


def bought(snapshot: StatisticsSnapshot) -> dict[str, tuple[str, int, list[int]]]:
    repeats = snapshot.repeats
    numbers = zip(repeats.kinds, repeats.purchases.tolist(), repeats.gaps.tolist(), strict=True)
    return dict(zip((snapshot.ids[row] for row in repeats.rows.tolist()), numbers, strict=True))


def test_what_is_encoded_is_decoded() -> None:
    snapshot = large(25)
    values = list(snapshots.encode(snapshot, chunk=10))
    assert len(values) == 6
    told = snapshots.decode(values)
    same = ("popular", "covisits", "gram", "repeats")
    assert replace(told, **{name: getattr(snapshot, name) for name in same}) == snapshot
    for have, wanted in zip(
        astuple(told.covisits.links(range(25))), astuple(snapshot.covisits.links(range(25))), strict=True
    ):
        np.testing.assert_array_equal(have, wanted)
    np.testing.assert_array_equal(told.gram.rows, snapshot.gram.rows)
    np.testing.assert_array_equal(told.gram.counts, snapshot.gram.counts)
    assert told.gram.events == 29
    assert bought(told) == bought(snapshot)
    assert len(bought(told)) == 2
    assert told.gram.counts[:25, :25].sum() > 25 * 20, "everything goes with everything"
    np.testing.assert_array_equal(told.popular.totals, snapshot.popular.totals)
    np.testing.assert_array_equal(told.popular.fading, snapshot.popular.fading)
    np.testing.assert_array_equal(told.popular.moments, snapshot.popular.moments)
    np.testing.assert_array_equal(told.popular.since, snapshot.popular.since)
    np.testing.assert_array_equal(told.popular.now, snapshot.popular.now)
    assert told.popular.events == 29


def as_before(version: int) -> list[bytes]:
    """Items as an earlier version wrote them: one sum that fades, scaled by 2, and from 2 on the last events."""
    popular = large(25).popular
    header, *chunks, gram, _ = snapshots.encode(large(25), chunk=10)
    older = []
    for at, chunk in enumerate(chunks):
        rows = slice(10 * at, 10 * (at + 1))
        scaled = 2.0 * popular.fading[rows, RECENT] * np.exp2(popular.since - popular.now)[RECENT]
        fields = msgspec.msgpack.decode(chunk[4:])
        last = [] if version == 1 else [popular.moments[rows, 1].astype("<f8").tobytes()]
        older.append(_resealed([*fields[:2], scaled.astype("<f8").tobytes(), *fields[3:7], *last]))
    fields = msgspec.msgpack.decode(header[4:])
    return [_resealed([version, *fields[1:6], 2.0, fields[7]]), *older, *([] if version == 1 else [gram])]


def test_a_snapshot_with_one_sum_that_fades_is_read() -> None:
    """Given one of version 2, then that sum and the ages are taken over, and the others begin at 0."""
    popular = large(25).popular

    told = snapshots.decode(as_before(2)).popular

    now = np.exp2(popular.since - popular.now)[RECENT]
    np.testing.assert_allclose(told.fading[:, RECENT], popular.fading[:, RECENT] * now)
    assert not np.delete(told.fading, RECENT, axis=1).any()
    np.testing.assert_array_equal(told.moments[:, 1], popular.moments[:, 1])
    assert (told.events, told.began_ms, told.newest_ms) == (29, 0.0, 0.0)


def test_a_snapshot_from_before_there_were_ages_is_read() -> None:
    """Given one without ages and the EASE model, then items are as old as all that is known, and that is empty."""
    told = snapshots.decode(as_before(1))

    assert told.popular.moments[:, 1].tolist() == [1.0] * 25
    assert (told.gram.counts.size, told.gram.events) == (0, 0)
    np.testing.assert_array_equal(told.popular.totals, large(25).popular.totals)


def test_a_snapshot_from_before_repeats_were_counted_is_read() -> None:
    told = snapshots.decode(as_before(2))

    assert bought(told) == {}
    assert told.gram.events == large(25).gram.events


def _resealed(content: list[object]) -> bytes:
    body = msgspec.msgpack.encode(content)
    return binascii.crc32(body).to_bytes(4, "little") + body


def test_items_without_interactions_are_left_out() -> None:
    statistics = fresh(None, "a", "b", "c")
    statistics.apply(message(0, "b"))
    assert through_bytes(statistics.snapshot(COVISITS, 1, NOW_MS)).ids == ["b"]
    assert through_bytes(fresh().snapshot(COVISITS, 0, NOW_MS)).ids == []


def test_every_altered_byte_and_every_missing_chunk_is_found() -> None:
    values = list(snapshots.encode(large(4), chunk=2))
    for number, value in enumerate(values):
        for at in range(len(value)):
            altered = bytearray(value)
            altered[at] ^= 0x10
            with pytest.raises(BrokenState):
                snapshots.decode([*values[:number], bytes(altered), *values[number + 1 :]])
    for fewer in ([], values[:1], values[:-1], [values[0], b"", values[2]]):
        with pytest.raises(BrokenState):
            snapshots.decode(fewer)


def test_a_newer_version_is_refused_and_says_what_to_do() -> None:
    header, *chunks = snapshots.encode(large(2))
    with pytest.raises(Misconfigured, match=rf"version {snapshots.VERSION + 1}.*statistics forget"):
        snapshots.decode([newer(header), *chunks])
