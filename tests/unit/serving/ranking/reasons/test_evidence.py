"""What a reason may say: only what is true of the item, and only what says something."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.messages import ListItem, Reason
from serving.ranking.learning.blend import START, Blend
from serving.ranking.learning.signals import POPULARITY_SIGNALS, Signal
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.ranking.reasons.crowd import Crowd, crowd_key
from serving.ranking.reasons.phrases import ALSO, CROWD, NO_CLOSER, TERMS, Language
from serving.ranking.rules import Rules
from serving.state.user_state import UserState
from stream.testing import NOW_MS
from tests.unit.serving.ranking.test_ranker import DIM, GENRES, axis, catalogue, interaction, said, wrote

STATED: dict[Language, str] = {"en": "because of what you wrote", "zh": "根据你写的内容"}
ITEMS = catalogue()


def genre(entry: ListItem) -> str:
    return entry.item_id.rsplit("-", 1)[0]


def words(entry: ListItem) -> set[str]:
    return {reason.words for reason in entry.reasons}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("facets", [True, False])
@pytest.mark.parametrize("wanted", GENRES)
def test_a_statement_is_named_for_what_fits_it_and_for_nothing_else(
    wanted: str, language: Language, *, facets: bool
) -> None:
    """Given a catalogue of four genres, when a user asks for one, then only its items are there because of that."""
    made = Ranker(catalogue(facets=facets), Popularity(), RankSettings(language=language))
    a_bit_of_all = axis(wanted) + np.full(DIM, 0.02, np.float32)

    entries = made.rank(said(wrote(a_bit_of_all)), 20).items

    assert {genre(entry) for entry in entries} == set(GENRES), "the list is filled for want of better"
    for entry in entries:
        fits = genre(entry) == wanted
        assert words(entry) == {STATED[language] if fits else NO_CLOSER[language]}
        assert sum(reason.share for reason in entry.reasons) <= 1.0


def test_what_does_not_fit_is_told_by_what_everybody_does() -> None:
    """Given a romance that many take, when a user asks for science fiction, then it is popular, and no more."""
    popularity, row = Popularity(), ITEMS.row("romance-1")
    for _ in range(20):
        popularity.add(row, 1.0)
    state = said(wrote(axis("sci-fi") + np.full(DIM, 0.02, np.float32)))

    entries = {entry.item_id: entry for entry in Ranker(ITEMS, popularity).rank(state, 20).items}

    assert words(entries["romance-1"]) <= set(CROWD["en"].values())
    assert STATED["en"] in words(entries["sci-fi-0"])
    assert words(entries["western-3"]) == {NO_CLOSER["en"]}


def test_an_interaction_is_no_reason_for_what_is_not_like_it() -> None:
    """The kind is the same for whatever draws: what has interactions, too."""
    entries = Ranker(ITEMS, Popularity()).rank(UserState(ring=[interaction("horror-2")]), 20).items

    named = {genre(entry) for entry in entries if 'you liked "Title 2"' in words(entry)}
    assert named == {"horror"}


def test_what_a_rule_put_there_is_not_there_for_want_of_better(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text('[[rule]]\ndo = "pin"\nitem = "western-3"\nplace = 1\n')
    made = Ranker(ITEMS, Popularity(), rules=Rules(ITEMS, path))

    first = made.rank(said(wrote(axis("sci-fi"))), 20).items[0]

    assert (first.item_id, words(first)) == ("western-3", {ALSO["en"]})


@settings(max_examples=150)
@given(
    events=st.lists(st.integers(0, len(ITEMS) - 1), max_size=120),
    weights=st.lists(st.floats(-2, 2), min_size=12, max_size=12),
    ring=st.lists(st.sampled_from(ITEMS.ids), max_size=4),
)
def test_what_is_said_of_everybody_is_true(events: list[int], weights: list[float], ring: list[str]) -> None:
    """Given any events and weights, then "popular" is only what is taken more than half of the others, and so on."""
    popularity = Popularity()
    for at, row in enumerate(events):
        popularity.add(row, 1.0, NOW_MS + at * 3_600_000)
    blend = {**START, **dict(zip(POPULARITY_SIGNALS, weights, strict=True))}
    state = UserState(ring=[interaction(item, at=at) for at, item in enumerate(ring, 1)])
    n = len(ITEMS)
    totals, fading = popularity.totals(n), popularity.fading(n)
    known = totals > 0
    ages = [np.log1p(each(n)) for each in (popularity.ages, popularity.hours)]
    first = [np.log1p(each(n)) for each in (popularity.first_ages, popularity.first_hours)]
    made = Ranker(ITEMS, popularity, blend=Blend(blend))
    true = {
        "total_high": totals > np.median(totals),
        "total_low": totals < np.median(totals),
        "recent_high": np.any([late > np.median(late) for late in fading[:5]], axis=0),
        "recent_low": np.any([late < np.median(late) for late in fading[:5]], axis=0),
        "week_high": fading[5] > np.median(fading[5]),
        "week_low": fading[5] < np.median(fading[5]),
        "month_high": fading[6] > np.median(fading[6]),
        "month_low": fading[6] < np.median(fading[6]),
        "age_high": known & np.any([age < _median(age[known]) for age in ages], axis=0),
        "age_low": known & np.any([age > _median(age[known]) for age in ages], axis=0),
        "first_high": known & np.any([age < _median(age[known]) for age in first], axis=0),
        "first_low": known & np.any([age > _median(age[known]) for age in first], axis=0),
    }
    said_of = {sentence: key for key, sentence in CROWD["en"].items()}
    for entry in [*made.rank(state, 20).items, *made.trending(20).items]:
        for reason in entry.reasons:
            if reason.words in said_of:
                assert true[said_of[reason.words]][ITEMS.row(entry.item_id)], (entry, said_of[reason.words])


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else 0.0


def test_an_item_that_was_left_alone_is_not_called_popular() -> None:
    """Given weights that favour what had no interactions for long, then that is what is said of it."""
    popularity = Popularity()
    for row in [0, *[row for row in range(1, len(ITEMS)) for _ in range(3)]]:
        popularity.add(row, 1.0)
    blend = {**START, Signal.TOTAL: 0.0, Signal.RECENT: 0.0, Signal.AGE: -1.0}

    entries = Ranker(ITEMS, popularity, blend=Blend(blend)).rank(UserState(ring=[interaction("horror-2")]), 20).items

    left_alone = next(entry for entry in entries if entry.item_id == ITEMS.ids[0])
    assert Reason(None, 1.0, CROWD["en"]["age_low"], "long_unseen") in left_alone.reasons
    assert CROWD["en"]["recent_high"] not in {each for entry in entries for each in words(entry)}


def test_popular_is_above_the_median_and_little_known_below() -> None:
    """The first number looked at, and those that are told by it, on either side; ties, and items that nobody knows."""
    random = np.random.default_rng(1)
    for _ in range(50):
        signals = (random.integers(0, 6, (12, 40)) - 2.5).astype(np.float32)
        offered, newness = random.random(40) < 0.7, np.where(random.random(40) < 0.3, 1.0, 0.5).astype(np.float32)
        rows = np.flatnonzero(offered)
        weights, signal = np.zeros(12), int(random.integers(12))
        weights[signal] = sign = float(random.choice([-1.0, 1.0]))
        name = ("total", *["recent"] * 5, "week", "month", *["age"] * 2, *["first"] * 2)[signal]
        among = offered & (newness < 1.0) if name in {"age", "first"} else offered
        median = np.median(signals[signal][among])
        for row, told in zip(rows, Crowd(signals, newness, offered).true_of(rows, weights).tolist(), strict=True):
            value = signals[signal, row]
            high, low = sign > 0 and value > max(median, 0.0), sign < 0 and value < min(median, 0.0)
            assert crowd_key(told) == (f"{name}_high" if high else f"{name}_low" if low else "") * bool(among[row])


def test_parts_say_the_same_of_what_is_told_in_short() -> None:
    assert TERMS["en"]["week"] == CROWD["en"]["week_high"]
