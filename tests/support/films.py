"""Films with their vectors and all ratings, and users whose events are folded as a worker folds them."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from penchant.messages import ListItem
from serving.catalogue import Catalogue
from serving.lexical.wording import wording_of
from serving.model.encoder import Encoder
from serving.model.negation import split
from serving.ranking.covisits import CoVisitRows
from serving.ranking.ease import Ease
from serving.ranking.learning.blend import Blend
from serving.ranking.learning.signals import Signal
from serving.ranking.popularity import Popularity
from serving.ranking.ranker import Ranker
from serving.state.user_state import EventKind, UserState, Vector, id_hash
from stream.events.decoder import Event
from stream.events.encoder_input import EncoderInput, assemble, texts_to_encode
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.interest.fold import Bounds, direction, fold

MODEL = Path(os.environ.get("PENCHANT_MODEL", ".cache/models/default"))
WHEELS = Path(".cache/wheels")
VECTORS = Path(".cache/quality")
# The blend, about as the ratings teach it.
LEARNED = {
    Signal.CO_OCCURRENCE: 0.3,
    Signal.SLOW_CO_OCCURRENCE: 0.6,
    Signal.TRANSITION: -0.2,
    Signal.SESSION_CO_OCCURRENCE: 1.3,
    Signal.REPEAT: -4.0,
    Signal.LAST: 0.7,
    Signal.TOTAL: -0.2,
    Signal.AGE: 0.1,
    Signal.CONTENT: 1.4,
    Signal.EASE: 0.9,
}


@dataclass
class Learned:
    """What everybody's events say."""

    popularity: Popularity = field(default_factory=Popularity)
    covisits: CoVisitRows = field(default_factory=CoVisitRows)
    ease: Ease = field(default_factory=Ease)

    def ranker(self, catalogue: Catalogue, blend: Blend | None = None) -> Ranker:
        return Ranker(catalogue, self.popularity, covisits=self.covisits, ease=self.ease, blend=blend)


@dataclass
class User:
    """Somebody whose events are folded as the worker folds them, a minute apart."""

    catalogue: Catalogue
    ranker: Ranker
    encoder: Encoder
    state: UserState
    events: int = 0
    waited_ms: int = 0

    def act(
        self, kind: EventKind, action: str, item_id: str | None, text: str | None, rating: float | None = None
    ) -> None:
        self.events += 1
        event_id, time_ms = f"e{self.events}", 1_800_000_000_000 + 60_000 * self.events + self.waited_ms
        event = Event(
            record=Record("clicks", 0, self.events, time_ms, b"u", b""),
            event_id=event_id,
            dedup_key=id_hash(event_id),
            user_id="u",
            item_id=item_id,
            kind=kind,
            time_ms=time_ms,
            weight=load_weights().of(action, rating),
            text=text,
            seen=item_id is not None and kind is not EventKind.IMPRESSION,
            wording=wording_of(text) if text and kind is EventKind.STATEMENT else None,
        )
        encoder_input = split(text) if text and kind is EventKind.STATEMENT else text
        vector = self.read(encoder_input) if encoder_input else None
        item = self.catalogue.vector(item_id) if item_id else None
        fold(self.state, event, direction(item, vector), vector, Bounds())

    def read(self, encoder_input: EncoderInput) -> Vector | None:
        """What the encoder makes of a text, as the worker has it made."""
        if not isinstance(encoder_input, str) and not encoder_input.unwanted:
            encoder_input = encoder_input.wanted
        texts = texts_to_encode(encoder_input)
        return assemble(encoder_input, dict(zip(texts, self.encoder.embed(texts, "query"), strict=True)))

    def say(self, text: str) -> None:
        self.act(EventKind.STATEMENT, "statement", None, text)

    def rate(self, item_id: str, stars: float) -> None:
        self.act(EventKind.RATE, "rate", item_id, None, (stars - 1) / 4)

    def dismiss(self, item_id: str) -> None:
        self.act(EventKind.DISMISS, "dismiss", item_id, None)

    def see(self, item_id: str) -> None:
        """Be shown an item."""
        self.act(EventKind.IMPRESSION, "impression", item_id, None)

    def wait(self, hours: float) -> None:
        """Let time pass until the next event."""
        self.waited_ms += round(hours * 3_600_000)

    def list(self, k: int = 10) -> list[ListItem]:
        return self.ranker.rank(self.state, k).items

    def count(self, genres: set[str], k: int = 10) -> int:
        """How many of the first k have all of these genres."""
        return sum(self.has(entry, genres) for entry in self.list(k))

    def has(self, entry: ListItem, genres: set[str]) -> bool:
        item = self.catalogue.get(entry.item_id)
        return item is not None and genres <= set(item.facets["genre"])
