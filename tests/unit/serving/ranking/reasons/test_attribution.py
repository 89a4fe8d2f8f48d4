"""Points by part and by event: they sum to the score, whatever a user did and whatever rules say."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.catalogue import Catalogue
from serving.ranking.covisits import CoVisitRows
from serving.ranking.ease import Ease, History, fit
from serving.ranking.learning.blend import START, Blend
from serving.ranking.learning.signals import Signal
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings, Seen
from serving.ranking.ranker import Ranker
from serving.ranking.reasons.told import Explanation
from serving.ranking.rules import Rules
from serving.ranking.seen.repeats import Purchase, Repeats
from serving.state.user_state import IMPRESSIONS, SEEN, EventKind, RecentText, RingEvent, UserState, item_hash
from tests.unit.serving.ranking.test_ranker import (
    DIM,
    GENRES,
    axis,
    catalogue,
    interaction,
    item,
    popular_but,
    said,
    wrote,
)

ITEMS = catalogue()
DAY_S = 86_400
RULES = """
[[rule]]
do = "boost"
where = {genre = "romance"}
points = 1.5
[[rule]]
do = "demote"
item = "horror-2"
points = 0.7
[[rule]]
do = "block"
item = "western-3"
[[rule]]
do = "pin"
item = "sci-fi-8"
place = 2
"""


@pytest.fixture
def items() -> Catalogue:
    return catalogue()


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text(RULES)
    return Rules(ITEMS, path)


def everybody(seed: int, newest: int) -> tuple[Popularity, CoVisitRows, Ease]:
    """What others did; the last `newest` items have no interactions."""
    random, popularity, covisits, ease = np.random.default_rng(seed), Popularity(), CoVisitRows(), Ease(20)
    for _ in range(100):
        row, *ring = random.integers(0, len(ITEMS) - newest, 6).tolist()
        popularity.add(row, 1.0)
        covisits.add(row, 1.0, [(other, 0.5) for other in ring])
        others = np.unique(ring)
        ease.add(row, 1.0, History(others, np.full(len(others), 0.5, np.float32)))
    ease.fitted = fit(ease.gram())
    return popularity, covisits, ease


preferences = st.sampled_from([-1.0, 0.0, 0.3, 1.0])
rings = st.lists(
    st.builds(
        lambda item_id, preference, retracted: msgspec.structs.replace(
            interaction(item_id, preference), retracted=retracted
        ),
        st.sampled_from([*ITEMS.ids, "unknown"]),
        preferences,
        st.booleans(),
    ),
    max_size=14,
)


@st.composite
def texts(draw: st.DrawFn) -> list[RecentText]:
    """Statements and reviews: of something, of something to be spared, or both."""
    made = []
    for at in range(draw(st.integers(0, 4))):
        wanted, unwanted = axis(draw(st.sampled_from(GENRES))), axis(draw(st.sampled_from(GENRES)))
        text = wrote(
            wanted * draw(st.sampled_from([0.0, 1.0])),
            100 + at,
            draw(preferences),
            draw(st.sampled_from(["", "horror-2"])),
        )
        if draw(st.booleans()):
            text = msgspec.structs.replace(text, against=unwanted.astype(np.float16).tobytes())
        made.append(text)
    return made


@st.composite
def users(draw: st.DrawFn) -> UserState:
    ring = [msgspec.structs.replace(event, event_id=f"e{at}", time_ms=at) for at, event in enumerate(draw(rings), 1)]
    written = draw(texts())
    ring += [
        RingEvent(t.time_ms, t.event_id, 0, t.item_id, EventKind.REVIEW, 0.5, t.preference, written=True)
        for t in written
    ]
    seen = np.array(
        [(item_hash(each), 1, 1, 0, 80) for each in draw(st.sets(st.sampled_from(ITEMS.ids), max_size=5))], SEEN
    )
    times = draw(st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from(ITEMS.ids)), max_size=9))
    shown = np.array([(time_s, n, item_hash(each)) for n, (time_s, each) in enumerate(times)], IMPRESSIONS)
    long = draw(st.none() | st.integers(0, 9).map(lambda seed: np.random.default_rng(seed).standard_normal(DIM)))
    bought = draw(st.lists(st.tuples(st.integers(0, 9 * DAY_S), st.sampled_from(ITEMS.ids)), max_size=9))
    rows = sorted((time_s, n, item_hash(each)) for n, (time_s, each) in enumerate(bought))
    state = UserState(ring=ring, texts=written, seen=seen, impressions=shown, purchases=np.array(rows, IMPRESSIONS))
    state.long = None if long is None else long.astype(np.float32)
    return state


def weekly() -> Repeats:
    """Horror films are bought again after two days, others never."""
    repeats = Repeats()
    for row, kind in ((row, ITEMS.kind(row)) for row in range(len(ITEMS))):
        for _ in range(5):
            repeats.add(row, kind, Purchase((2 * DAY_S if ITEMS.ids[row].startswith("horror") else 0, 0)))
    return repeats


def summed(told: Explanation) -> list[float]:
    """The score by parts, and by events."""
    by_event = sum(event.points for event in told.events) + sum(told.apart.values())
    assert all(sum(event.parts.values()) == pytest.approx(event.points, abs=1e-9) for event in told.events)
    return [sum(told.parts.values()), by_event]


@settings(max_examples=300)
@given(
    state=users(),
    world=st.tuples(st.integers(0, 5), st.integers(0, 8)),
    blend=st.lists(st.floats(-5, 5), min_size=len(Signal), max_size=len(Signal)),
    variety=st.sampled_from([0.0, 0.4]),
    by_rule=st.booleans(),
    seen=st.sampled_from(["out", "down", "again"]),
)
def test_points_sum_to_the_score(
    ruled: Rules,
    state: UserState,
    world: tuple[int, int],
    blend: list[float],
    variety: float,
    *,
    by_rule: bool,
    seen: Seen,
) -> None:
    """Given any user, others, weights, rules and variety, then the points of each item on the list are its score."""
    popularity, covisits, ease = everybody(*world)
    ranker = Ranker(
        ITEMS,
        popularity,
        RankSettings(variety=variety, seen=seen),
        covisits=covisits,
        ease=ease,
        blend=Blend(dict(zip(Signal, blend, strict=True))),
        rules=ruled if by_rule else None,
        repeats=weekly(),
    )

    listed, told = ranker.rank(state, 20).items, ranker.explain(state, 20)

    assert [(each.item_id, each.place) for each in told] == [(e.item_id, at) for at, e in enumerate(listed, 1)]
    for entry, each in zip(listed, told, strict=True):
        assert summed(each) == pytest.approx([entry.score] * 2, abs=1e-4)
        assert [event.points for event in each.events] == sorted((e.points for e in each.events), reverse=True)


def of(ranker: Ranker, state: UserState, item_id: str) -> Explanation:
    (told,) = ranker.explain(state, 20, item_id)
    return told


def test_co_visits_are_split_by_what_each_event_adds(items: Catalogue) -> None:
    """Given a western taken after a romance three times, after a horror twice, then so its points are split."""
    covisits = CoVisitRows()
    goal, one, other = (items.row(item_id) for item_id in ("western-7", "romance-1", "horror-2"))
    for _ in range(3):
        covisits.add(goal, 1.0, [(one, 1.0)])
    for _ in range(2):
        covisits.add(goal, 1.0, [(other, 1.0)])
    ring = [RingEvent(at, f"e{at}", at, items.ids[row], EventKind.RATE, 1.0, 0.0) for at, row in ((1, one), (2, other))]
    blend = Blend({Signal.CO_OCCURRENCE: 1.0})

    told = of(Ranker(items, popular_but(items), covisits=covisits, blend=blend), UserState(ring=ring), "western-7")

    one_term, other_term = 0.8 * 3, 2.0
    by_id = {event.event_id: event.points for event in told.events}
    assert by_id["e1"] / told.score == pytest.approx(one_term / (one_term + other_term), rel=1e-4)
    assert set(told.parts) == {"co_occurrence"}
    assert told.apart == {}


def test_a_statement_has_what_it_takes_from_others(items: Catalogue) -> None:
    """Given a western liked, when she asks for horror, then its points stand, and the statement takes from them."""
    ring = [interaction("western-3", at=1)]
    made = Ranker(items, Popularity())
    before = of(made, UserState(ring=ring), "western-7")
    state = said(wrote(axis("horror"), 2))
    state.ring = [*ring, *state.ring]

    told = of(made, state, "western-7")

    by_id = {event.event_id: event for event in told.events}
    assert by_id["e1"].points == pytest.approx(before.score, rel=1e-5)
    assert by_id["e2"].parts["statement_damping"] == pytest.approx(-0.7 * before.score, rel=1e-5)
    assert told.events[-1].event_id == "e2", "what takes points stands last"


def test_what_was_dismissed_takes_points(items: Catalogue) -> None:
    state = UserState(ring=[interaction("horror-2", -1.0, kind=EventKind.DISMISS)])

    told = of(Ranker(items, Popularity()), state, "horror-6")

    assert [event.words for event in told.events] == ['you dismissed "Title 2"']
    assert set(told.parts) == {"against", "against_facets"}
    assert max(told.parts.values()) < 0


def test_help_from_nobody_is_told_apart(items: Catalogue, tmp_path: Path) -> None:
    """Given an untouched western helped to its place, and a boost, then both are told, and belong to no event."""
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\ndo = "boost"\nitem = "western-7"\npoints = 0.5\n')
    blend = Blend({**START, Signal.TOTAL: 5.0})
    popularity = popular_but(items, "western-7")
    made = Ranker(items, popularity, blend=blend, rules=Rules(items, path))

    told = of(made, UserState(ring=[interaction("sci-fi-0"), interaction("western-3", at=2)]), "western-7")

    assert told.apart["exploration"] > 0
    assert told.apart["rules"] == 0.5


def test_where_nothing_is_known_the_score_is_popularity(items: Catalogue) -> None:
    made = Ranker(items, popular_but(items, "western-7"))

    told = made.explain(UserState(), 3)

    assert [each.item_id for each in told] == [entry.item_id for entry in made.trending(3).items]
    assert all(each.parts == each.apart and not each.events for each in told)
    assert told[0].parts["recent"] == max(told[0].parts.values()) > 0


def test_an_item_on_no_list_is_explained_all_the_same(items: Catalogue, tmp_path: Path) -> None:
    """Given items seen, withdrawn, blocked, and without a vector, then each says so, with the points it would have."""
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\ndo = "block"\nitem = "western-7"\n')
    items.put(item(11, "western", available=False))
    items.row("heard of")
    seen = np.array([(item_hash("western-15"), 1, 1, 0, 0)], SEEN)
    state = UserState(ring=[interaction("western-3")], seen=seen)
    made = Ranker(items, Popularity(), rules=Rules(items, path))

    kept_off = {name: of(made, state, name) for name in ("western-15", "western-11", "western-7", "heard of")}

    assert [each.kept_off for each in kept_off.values()] == [
        "not listed: the user has seen it",
        "not listed: it is not on offer",
        "not listed: a rule blocks it",
        "not listed: it has no vector yet",
    ]
    assert {each.place for each in kept_off.values()} == {None}
    assert kept_off["western-15"].score == pytest.approx(of(made, state, "western-19").score, rel=1e-4)
    assert made.explain(state, 20, "never heard of") == []
