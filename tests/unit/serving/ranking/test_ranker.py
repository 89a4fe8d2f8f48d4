"""Lists from hand-made vectors: one axis for each genre, then one for each item."""

import numpy as np
import pytest

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, facet_text, pack
from serving.ranking.covisits import CoVisitRows
from serving.ranking.learning.blend import START, Blend
from serving.ranking.learning.signals import Signal
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.state.user_state import SEEN, EventKind, RecentText, RingEvent, UserState, Vector, item_hash

GENRES = ["sci-fi", "romance", "horror", "western"]
EACH = 5
DIM = len(GENRES) + len(GENRES) * EACH


def axis(genre: str) -> Vector:
    vector = np.zeros(DIM, np.float32)
    vector[GENRES.index(genre)] = 1.0
    return vector


def item(number: int, genre: str, *, facets: bool = True, available: bool = True) -> ItemVector:
    """An item whose vector is mostly its genre's axis."""
    vector = 0.8 * axis(genre)
    vector[len(GENRES) + number] = 0.6
    named: dict[str, str | list[str]] = {"genre": [genre], "domain": "film"} if facets else {}
    return ItemVector(
        item_id=f"{genre}-{number}",
        title=f"Title {number}",
        facets=named,
        available=available,
        revision="1",
        fingerprint="f",
        vector=pack(vector),
        facet_text=facet_text(named),
        facet_vector=pack(axis(genre)) if facets else "",
    )


def catalogue(**options: bool) -> Catalogue:
    made = Catalogue(DIM, "f", capacity=4)
    for number in range(len(GENRES) * EACH):
        made.put(item(number, GENRES[number % len(GENRES)], **options))
    return made


@pytest.fixture
def items() -> Catalogue:
    return catalogue()


def ranker(items: Catalogue, **settings: float) -> Ranker:
    return Ranker(items, Popularity(), RankSettings(**settings))  # type: ignore[arg-type]


def interaction(item_id: str, preference: float = 1.0, at: int = 1, kind: EventKind = EventKind.LIKE) -> RingEvent:
    return RingEvent(at, f"e{at}", at, item_id, kind, max(preference, 0.0), preference)


def wrote(vector: Vector, at: int = 1, preference: float = 1.0, item_id: str = "") -> RecentText:
    return RecentText(at, f"e{at}", item_id, preference, vector.astype(np.float16).tobytes())


def said(*texts: RecentText) -> UserState:
    """A user who wrote these, oldest first."""
    ring = [RingEvent(t.time_ms, t.event_id, t.time_ms, "", EventKind.STATEMENT, 0.0, t.preference) for t in texts]
    return UserState(ring=ring, texts=list(texts))


def genres(ranking: object) -> list[str]:
    return [entry.item_id.rsplit("-", 1)[0] for entry in ranking.items]  # type: ignore[attr-defined]


def test_of_an_unknown_user_the_list_is_the_trending_one(items: Catalogue) -> None:
    """Given three events, when nobody is asked about, then: recent first, then totals, then the order of rows."""
    popularity = Popularity()
    for row in (7, 3, 3):
        popularity.add(row, 1.0)
    made = Ranker(items, popularity)

    ranking = made.rank(UserState(), 5)

    assert ranking.path == "trending"
    assert [items.find(entry.item_id) for entry in ranking.items] == [3, 7, 0, 1, 2]
    assert {entry.source for entry in ranking.items} == {"popular"}
    assert ranking.items[0].reasons[0].words == "popular right now"
    assert ranking.items[4].reasons[0].share == 0.0, "it has no interactions, so popularity has no share in it"
    assert made.trending(5) == ranking


def test_an_interaction_draws_similar_items_and_is_the_reason(items: Catalogue) -> None:
    ranking = ranker(items).rank(UserState(ring=[interaction("horror-2")]), 4)

    assert ranking.path == "live"
    assert genres(ranking)[:3] == ["horror"] * 3
    for entry in ranking.items[:3]:
        assert entry.source == "content"
        assert [(r.event_id, r.words) for r in entry.reasons] == [("e1", 'you liked "Title 2"')]


def test_the_newer_event_counts_more(items: Catalogue) -> None:
    ring = [interaction("horror-2", at=1), interaction("romance-1", at=2)]

    assert genres(ranker(items).rank(UserState(ring=ring), 3))[0] == "romance"
    assert genres(ranker(items, ring_decay=1.25).rank(UserState(ring=ring), 3))[0] == "horror"


def test_seen_and_withdrawn_items_are_left_out(items: Catalogue) -> None:
    """Given one horror film seen, one seen and retracted, one not on offer, then two of the five are missing."""
    seen = np.array([(item_hash("horror-2"), 1, 1, 0, 0), (item_hash("horror-6"), 1, 0, 0, 0)], SEEN)
    items.put(item(10, "horror", available=False))
    state = UserState(ring=[interaction("horror-14")], seen=seen)

    listed = {entry.item_id for entry in ranker(items).rank(state, 100).items}

    assert len(listed) == 18
    assert "horror-6" in listed
    assert {"horror-2", "horror-10"}.isdisjoint(listed)


def test_where_things_are_bought_again_the_seen_stand_lower_and_the_dismissed_are_out(items: Catalogue) -> None:
    """Given two horror films seen, one of them dismissed, when that costs 2 points, then one is back, and lower."""
    seen = np.array([(item_hash("horror-2"), 1, 3, 0, 0), (item_hash("horror-6"), 1, 2, 1, 0)], SEEN)
    state = UserState(ring=[interaction("horror-14", kind=EventKind.PURCHASE)], seen=seen)
    before = {entry.item_id: entry.score for entry in ranker(items).rank(UserState(ring=state.ring), 100).items}
    shop = Ranker(items, Popularity(), RankSettings(seen="down", seen_points=2.0))

    after = {entry.item_id: entry.score for entry in shop.rank(state, 100).items}

    assert before.keys() - after.keys() == {"horror-6"}
    assert after["horror-2"] == pytest.approx(before["horror-2"] - 2.0, abs=1e-5)
    (told,) = shop.explain(state, 100, "horror-2")
    assert told.apart["seen"] == -2.0
    (told,) = shop.explain(state, 100, "horror-6")
    assert told.kept_off == "not listed: the user dismissed it"


def test_a_statement_finds_items_by_vector_and_by_facets() -> None:
    """Given a statement, then it works by the facets alone, by the vectors alone, and more by both."""
    state = said(wrote(axis("western")))
    scores = []
    for made, settings in (
        (catalogue(), {"text": 0.0}),
        (catalogue(facets=False), {}),
        (catalogue(), {}),
    ):
        ranking = ranker(made, **settings).rank(state, EACH)
        assert genres(ranking) == ["western"] * EACH
        assert ranking.items[0].reasons[0].words == "because of what you wrote"
        scores.append(ranking.items[0].score)
    assert scores[2] == pytest.approx(scores[0] + scores[1], rel=1e-4)


def test_a_newer_statement_overrides_an_older_one(items: Catalogue) -> None:
    ranking = ranker(items).rank(said(wrote(axis("sci-fi"), 1), wrote(axis("romance"), 2)), 2 * EACH)

    assert genres(ranking) == ["romance"] * EACH + ["sci-fi"] * EACH


def test_a_statement_outlives_the_interactions_with_it(items: Catalogue) -> None:
    """Given a horror film liked right after a statement, and ten westerns since, then what was written counts more."""
    state = said(wrote(axis("romance"), 1))
    state.ring += [interaction("horror-2", at=2), *(interaction("western-3", at=3 + n) for n in range(10))]

    listed = genres(ranker(items).rank(state, 100))

    assert listed.index("romance") < listed.index("horror") < listed.index("sci-fi")


def test_a_negative_text_pushes_down(items: Catalogue) -> None:
    ranking = ranker(items).rank(said(wrote(axis("horror"), preference=-1.0)), 100)

    assert genres(ranking)[-EACH:] == ["horror"] * EACH


def test_a_dismissed_item_pushes_its_like_down(items: Catalogue) -> None:
    ranking = ranker(items).rank(UserState(ring=[interaction("horror-2", -1.0, kind=EventKind.DISMISS)]), 100)

    assert genres(ranking)[-EACH:] == ["horror"] * EACH
    assert all(reason.event_id is None for entry in ranking.items for reason in entry.reasons)


def test_a_retracted_event_says_nothing(items: Catalogue) -> None:
    gone = RingEvent(1, "e1", 1, "horror-2", EventKind.LIKE, 1.0, 1.0, retracted=True)
    state = said(wrote(axis("romance"), 2))
    state.ring[0] = RingEvent(2, "e2", 2, "", EventKind.STATEMENT, 0.0, 1.0, retracted=True)
    state.ring.append(gone)

    assert ranker(items).rank(state, 3).path == "trending"


def test_items_that_are_unknown_or_not_embedded_say_nothing(items: Catalogue) -> None:
    items.row("heard of")
    state = UserState(ring=[interaction("heard of", at=1), interaction("never heard of", at=2)])

    ranking = ranker(items).rank(state, 100)

    assert ranking.path == "trending"
    assert len(ranking.items) == len(GENRES) * EACH


def test_the_long_vector_is_a_direction(items: Catalogue) -> None:
    """Given a long vector however short, then the list is the same; zeros are no direction."""
    strong = ranker(items).rank(UserState(long=axis("western")), 5)

    assert genres(strong) == ["western"] * 5
    assert ranker(items).rank(UserState(long=axis("western") * np.float32(1e-30)), 5) == strong
    assert strong.items[0].reasons[0].event_id is None, "the events behind it are gone"
    assert ranker(items).rank(UserState(long=np.zeros(DIM, np.float32)), 5).path == "trending"


def test_the_long_vectors_part_goes_to_the_event_most_like_the_item(items: Catalogue) -> None:
    state = UserState(ring=[interaction("horror-2", at=1), interaction("western-3", at=2)], long=axis("horror"))

    blend = Blend({Signal.CONTENT: 0.1})
    ranking = Ranker(items, Popularity(), RankSettings(long=5.0), blend=blend).rank(state, 3)

    assert genres(ranking) == ["horror"] * 3
    assert ranking.items[0].reasons[0].event_id == "e1"


def test_a_review_of_an_item_is_one_reason(items: Catalogue) -> None:
    """Given a review, whose item and whose text both draw, then their parts are one event's."""
    review = RingEvent(1, "e1", 1, "horror-2", EventKind.REVIEW, 0.8, 0.7)
    state = UserState(ring=[review], texts=[wrote(axis("horror"), item_id="horror-2")])

    entry = ranker(items).rank(state, 1).items[0]

    assert [(reason.event_id, reason.words) for reason in entry.reasons] == [("e1", 'you reviewed "Title 2"')]
    assert entry.reasons[0].share == 1.0


def test_popularity_decides_between_equals_and_is_named(items: Catalogue) -> None:
    popularity = Popularity()
    row = items.find("horror-18")
    assert row is not None
    for _ in range(50):
        popularity.add(row, 1.0)

    entry = Ranker(items, popularity).rank(UserState(ring=[interaction("horror-2")]), 1).items[0]

    assert entry.item_id == "horror-18"
    assert {reason.words for reason in entry.reasons} == {'you liked "Title 2"', "popular right now"}


def test_shares_and_order_hold_for_any_user(items: Catalogue) -> None:
    """Given random users, then: best first, nothing twice, a reason for each item, shares at most 1 together."""
    rng = np.random.default_rng(3)
    popularity = Popularity()
    for row in rng.integers(0, len(items), 200):
        popularity.add(int(row), 1.0)
    made = Ranker(items, popularity)
    for _ in range(50):
        ring = [
            interaction(str(rng.choice(items.ids)), float(rng.choice([-1, 0, 0.3, 1])), at)
            for at in range(rng.integers(20))
        ]
        texts = [wrote(axis(str(rng.choice(GENRES))), 100 + at, float(rng.choice([-1, 1]))) for at in range(3)]
        ranking = made.rank(UserState(ring=ring, texts=texts, long=rng.standard_normal(DIM).astype(np.float32)), 20)

        scores = [entry.score for entry in ranking.items]
        assert scores == sorted(scores, reverse=True)
        assert len({entry.item_id for entry in ranking.items}) == 20
        for entry in ranking.items:
            shares = [reason.share for reason in entry.reasons]
            assert shares == sorted(shares, reverse=True)
            assert shares
            assert 0 <= sum(shares) <= 1


def popular_but(items: Catalogue, *untouched: str, each: int = 3) -> Popularity:
    """Everything has as many interactions, but for these."""
    popularity = Popularity()
    for row, item_id in enumerate(items.ids):
        for _ in range(0 if item_id in untouched else each):
            popularity.add(row, 1.0)
    return popularity


def test_what_others_interacted_with_too_is_found_and_named(items: Catalogue) -> None:
    """Given a romance and a western that go together, then who takes the one is shown the other, and told why."""
    covisits = CoVisitRows()
    one, other = items.row("romance-1"), items.row("western-3")
    for _ in range(5):
        covisits.add(other, 1.0, [(one, 1.0)])

    made = Ranker(items, popular_but(items), covisits=covisits)
    entries = {entry.item_id: entry for entry in made.rank(UserState(ring=[interaction("romance-1")]), 20).items}

    assert entries["western-3"].source == "covisit"
    reason = entries["western-3"].reasons[0]
    assert (reason.event_id, reason.words) == ("e1", 'you liked "Title 1"')
    assert entries["western-3"].score > max(entries[f"western-{n}"].score for n in (7, 11, 15, 19))


def test_an_event_without_preference_still_links(items: Catalogue) -> None:
    """Given an item that was rated low, then it draws by co-visits alone and not by what it is like."""
    covisits = CoVisitRows()
    covisits.add(items.row("western-3"), 1.0, [(items.row("romance-1"), 1.0)])
    low = RingEvent(1, "e1", 1, "romance-1", EventKind.RATE, 0.2, 0.0)

    ranking = Ranker(items, popular_but(items), covisits=covisits).rank(UserState(ring=[low]), 20)

    assert ranking.path == "live"
    assert ranking.items[0].item_id == "western-3"
    rest = [entry.score for entry in ranking.items[1:19]]
    assert max(rest) - min(rest) < 0.05, "all the others are equal to her, but for how long ago they were taken"


def test_a_statement_down_weights_earlier_interactions(items: Catalogue) -> None:
    """Given westerns in her ring, when she asks for horror, then horror leads; as that fades, westerns come back."""
    covisits = CoVisitRows()
    for number in (3, 7, 11, 15, 19):
        for _ in range(50):
            covisits.add(items.row(f"western-{number}"), 1.0, [(items.row("romance-1"), 1.0)])
    made = Ranker(items, popular_but(items, each=50), covisits=covisits)
    state = said(wrote(axis("horror"), 5))
    state.ring = [interaction("romance-1", at=1), *state.ring]

    fresh = genres(made.rank(state, 20))
    state.ring += [interaction("romance-1", at=10 + n, kind=EventKind.VIEW) for n in range(18)]

    assert fresh[:EACH] == ["horror"] * EACH
    assert genres(made.rank(state, 20))[0] == "western"


def test_the_tenth_place_is_for_an_item_without_interactions(items: Catalogue) -> None:
    """Given a new western, then it stands where it is seen, and the others keep their order; a new horror does not."""
    state = UserState(ring=[interaction("sci-fi-0"), interaction("western-3", at=2)])
    blend = Blend({**START, Signal.TOTAL: 5.0})
    plain = Ranker(items, popular_but(items), blend=blend).rank(state, 20).items

    ranking = Ranker(items, popular_but(items, "western-7", "horror-2"), blend=blend).rank(state, 20).items

    assert ranking[9].item_id == "western-7"
    assert ranking[9].source == "explore"
    assert ranking[19].item_id == "horror-2"
    assert ranking[19].source != "explore"
    new = {"western-7", "horror-2"}
    without = [entry.item_id for entry in plain if entry.item_id not in new]
    assert [entry.item_id for entry in ranking if entry.item_id not in new] == without


def test_users_teach_the_blend_what_counts(items: Catalogue) -> None:
    """Given users who always take their ring's like, then content counts more, and their items rank higher."""
    rng = np.random.default_rng(9)
    made = Ranker(items, popular_but(items))
    before = made.blend.at(1.0)[Signal.CONTENT]
    state = UserState(ring=[interaction("horror-2")])
    points = made.points(state)
    for _ in range(30):
        made.learn(state, items.row("horror-6"), rng)

    assert made.blend.at(1.0)[Signal.CONTENT] > before
    gained = made.points(state) - points
    assert gained[items.row("horror-6")] > gained[items.row("western-3")]


def test_a_text_left_behind_by_the_ring_still_counts(items: Catalogue) -> None:
    state = UserState(texts=[wrote(axis("western"))])

    ranking = ranker(items).rank(state, 1)

    assert ranking.path == "live"
    assert genres(ranking) == ["western"]


def test_many_users_at_once_get_the_lists_that_each_would_get(items: Catalogue) -> None:
    """Given 150 users, so that both ways of computing and a boundary between groups are met."""
    rng = np.random.default_rng(11)
    states = [
        UserState(ring=[interaction(str(rng.choice(items.ids)), at=at) for at in range(user % 5)])
        for user in range(150)
    ]
    popularity = Popularity()
    for row, pair in enumerate(rng.random(len(items))):  # no two items alike: equals could change places
        popularity.add(row, 1.0 + float(pair))
    made = Ranker(items, popularity)

    for many in (states[:3], states):
        for state, ranking in zip(many, made.rank_many(many, 5), strict=True):
            alone = made.rank(state, 5)
            assert ranking.path == alone.path
            assert [e.item_id for e in ranking.items] == [e.item_id for e in alone.items]
            assert [e.score for e in ranking.items] == pytest.approx([e.score for e in alone.items], abs=1e-5)
    assert made.rank_many([], 5) == []
