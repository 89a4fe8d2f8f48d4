"""Sets as others write them: what can be read is read the same, what cannot is named."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from evaluation.prequential.data_sets import NO_TIME_MS, EventLog, read_cases, read_events, read_items, rows_of
from evaluation.prequential.positives import positive_by
from penchant.errors import Misconfigured
from stream.events.weights import load_weights

MakeSet = Callable[..., Path]
ROWS = {"a": 0, "b": 1}


@pytest.fixture
def make(tmp_path: Path) -> MakeSet:
    """Writes objects as lines, and whatever else as it is."""

    def written(*lines: object, name: str = "set.jsonl") -> Path:
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        file = tmp_path / name
        file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return file

    return written


def read(file: Path, rule: str | None = None, seed: int = 0) -> EventLog:
    return read_events(file, ROWS, positive_by(rule), load_weights(), seed)


def line(**fields: object) -> dict[str, object]:
    return {"ts": 1, "user": "u", "item": "a"} | fields


def test_items_are_read_as_they_come(make: MakeSet) -> None:
    """Given ids and years as numbers, lists and nothing, then texts are texts and facets are lists."""
    file = make(
        {"item": 7, "title": 1984, "genres": ["Sci-Fi", "(no genres listed)"], "brand": "Secker", "ts": 1.5},
        {"item": "8", "title": None, "text": ["one", "two"], "genres": [], "brand": None, "tags": "hops"},
        {"item": 9.0},
        name="items.jsonl.gz",
    )

    first, second, third = read_items(file)

    assert (first.item_id, first.title, first.time_ms) == ("7", "1984", 1500)
    assert first.facets == {"genre": ["Sci-Fi"], "brand": ["Secker"]}
    assert (second.title, second.text, second.facets) == ("", "one two", {"category": ["hops"]})
    assert (third.item_id, third.title, third.text, third.time_ms) == ("9", "", "", NO_TIME_MS)


def test_an_item_that_comes_twice_is_one_item_as_last_told(make: MakeSet) -> None:
    items = read_items(make({"item": "a", "title": "old"}, {"item": "b"}, "", {"item": "a", "title": "new"}))

    assert [(item.item_id, item.title) for item in items] == [("a", "new"), ("b", "")]
    assert rows_of(items) == ROWS


@pytest.mark.parametrize(
    "ts",
    [1_390_262_400, 1_390_262_400.0, "1390262400", 1_390_262_400_000, "2014-01-21T00:00:00Z", "2014-01-21"],
    ids=str,
)
def test_times_are_seconds_milliseconds_or_iso(make: MakeSet, ts: object) -> None:
    assert [event.time_ms for event in read(make(line(ts=ts))).events] == [1_390_262_400_000]


def test_zones_are_heeded(make: MakeSet) -> None:
    (event,) = read(make(line(ts="2014-01-21T02:00:00+02:00"))).events

    assert event.time_ms == 1_390_262_400_000


def test_events_without_times_keep_the_order_of_the_file(make: MakeSet) -> None:
    file = make(*({"user": n, "item": "ab"[n % 2]} for n in range(40)))

    found = read(file, seed=3)

    assert not found.timed
    assert [event.user for event in found.events] == [str(n) for n in range(40)]
    assert [event.time_ms for event in found.events[:3]] == [0, 1000, 2000]


def test_an_event_without_a_time_happens_with_the_one_before(make: MakeSet) -> None:
    file = make(line(ts=9), {"user": "v", "item": "b"}, line(ts=4))

    assert [event.time_ms for event in read(file).events] == [4000, 9000, 9000]


def test_events_come_by_time_and_ties_by_the_seed(make: MakeSet) -> None:
    """Given 20 events at one time, then one seed gives one order and another a different one, all between the rest."""
    file = make(
        line(ts=3, user="last"),
        *(line(ts=2, user=f"{n}") for n in range(20)),
        line(ts=1, user="first"),
    )

    orders = [[event.user for event in read(file, seed=seed).events] for seed in (0, 0, 1)]

    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0][1:-1]) == sorted(orders[2][1:-1]) == sorted(map(str, range(20)))
    assert {(order[0], order[-1]) for order in orders} == {("first", "last")}


@pytest.mark.parametrize(
    ("ratings", "scale", "pairs"),
    [
        ([0.5, 1, 2.5, 3, 4.5, 5], (1.0, 5.0), [0.2, 0.2, 0.5, 0.5, 1.0, 1.0]),
        ([1, 5.5, 10], (1.0, 10.0), [0.2, 0.5, 1.0]),
        ([0, 1], (0.0, 1.0), [0.2, 1.0]),
        ([0, 50, 100], (0.0, 100.0), [0.2, 0.5, 1.0]),
        (["4", "B-", None], (1.0, 5.0), [0.8, 1.0, 1.0]),
    ],
)
def test_ratings_count_on_the_scale_that_they_reach(
    make: MakeSet, ratings: Sequence[object], scale: tuple[float, float], pairs: Sequence[float]
) -> None:
    found = read(make(*(line(ts=place, rating=rating) for place, rating in enumerate(ratings))))

    assert found.scale == scale
    assert [event.weight.covisit for event in found.events] == pytest.approx(pairs, abs=1e-3)


def test_labels_count_by_whether_they_are_positive_and_texts_as_reviews(make: MakeSet) -> None:
    rows = (line(label="fresh"), line(label="rotten", ts=2), line(text="hm", ts=3), line(ts=4))
    weights = load_weights()

    found = [event.weight for event in read(make(*rows), "label=fresh").events]

    assert found == [weights.actions["like"], weights.ratings[2], weights.actions["review"], weights.actions["like"]]


def test_events_on_other_items_are_left_out_and_counted(make: MakeSet) -> None:
    found = read(make(line(), line(item="unheard of"), line(item=None) | {"item": 5}))

    assert (len(found.events), found.unknown) == (1, 2)


@pytest.mark.parametrize(
    ("lines", "rule", "message"),
    [
        ([], None, "has no events on items of the set"),
        ([line(item="x")], None, "are the ids the same"),
        ([line(rating=3)], "rating>=4", "fits no event of .*; events have the fields item, rating, ts, user"),
        ([line(rating=5)], "stars>=4", "fits no event"),
        ([line(user=None)], None, "line 1: user is None"),
        ([line(), {"ts": 1, "user": "u"}], None, "line 2: item is None"),
        ([line(ts="yesterday")], None, "line 1: ts is 'yesterday': write seconds"),
        ([line(), "{"], None, "line 2: not a JSON object"),
        (["[1]"], None, "element 1: not a JSON object"),
    ],
)
def test_what_cannot_be_measured_is_said(make: MakeSet, lines: list[object], rule: str | None, message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        read(make(*lines), rule)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("rating", "write FIELD>=NUMBER or FIELD=VALUE"),
        ("rating>=high", "'high' is no number"),
        ("rating>4", "write FIELD>=NUMBER"),
        ("rating<=4", "write FIELD>=NUMBER"),
        ("=4", "write FIELD"),
        ("label=", "write FIELD"),
    ],
)
def test_a_bad_rule_is_refused(rule: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        positive_by(rule)


@pytest.mark.parametrize(
    ("rule", "fields", "wanted"),
    [
        ("rating >= 4", {"rating": "4.5"}, True),
        ("rating>=4", {"rating": "B-"}, False),
        ("rating>=4", {"rating": None}, False),
        ("label=1", {"label": 1.0}, True),
        ("label=true", {"label": True}, True),
        ("label=1", {"label": True}, False),
        ("label=a, b", {"label": "b"}, True),
    ],
)
def test_rules_read_values_as_they_are_spelled(rule: str, fields: dict[str, object], wanted: bool) -> None:
    assert positive_by(rule)(fields) is wanted


def test_a_file_that_is_cut_short_is_named(make: MakeSet) -> None:
    file = make({"item": "a"}, name="items.jsonl.gz")
    file.write_bytes(file.read_bytes()[:-12])

    with pytest.raises(Misconfigured, match="cut short"):
        read_items(file)


def test_no_items_are_refused(make: MakeSet) -> None:
    with pytest.raises(Misconfigured, match="has no items"):
        read_items(make())


def case(seq: int, split: str, history: object, target: object) -> dict[str, object]:
    return {"seq": seq, "split": split, "user": "u", "history": history, "target": target}


def test_cases_come_by_seq_and_unknown_items_are_left_out(make: MakeSet) -> None:
    file = make(case(2, "test", ["a", "gone"], "b"), case(1, "valid", [], "a"), case(3, "test", [], "gone"))

    found = read_cases(file, ROWS, "test")

    assert [(each.seq, each.test, each.history, each.row) for each in found.cases] == [
        (1, False, [], 0),
        (2, True, [0], 1),
    ]
    assert found.unknown == 1


def test_the_second_half_of_valid_is_measured_and_no_test_case_read(make: MakeSet) -> None:
    splits = ("train", "valid", "valid", "valid", "test")
    file = make(*(case(seq, split, [], "a") for seq, split in enumerate(splits)))

    found = read_cases(file, ROWS, "valid").cases

    assert [(each.seq, each.test) for each in found] == [(0, False), (1, False), (2, True), (3, True)]


def test_a_split_without_cases_is_refused(make: MakeSet) -> None:
    with pytest.raises(Misconfigured, match="no cases of the split 'valid'"):
        read_cases(make(case(0, "test", [], "a")), ROWS, "valid")
    with pytest.raises(Misconfigured, match="history is 'a', but should be a list"):
        read_cases(make(case(0, "test", "a", "b")), ROWS, "test")
