"""Statements put to the system as a newcomer would: decoded, encoded, folded and ranked by the worker's own code."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.statements.shops import Condition, Shop, Statement
from evaluation.prequential.cached_vectors import catalogue_of
from penchant.messages import CoVisitEvent, CoVisits
from penchant.topics import Topics
from serving.catalogue import Catalogue
from serving.model.encoder import Encoder
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState, Vector
from stream.events.decoder import Decoder, Event
from stream.events.encoder_input import EncoderInput, assemble, texts_to_encode
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.interest.fold import Bounds, direction, fold
from stream.interest.sentiment_adjustment import adjusted

FIRST = 6
_USUAL = 4  # how many of the first six must be what was asked for
_EVENTS = 2_000  # of others, before anybody writes: some items are popular by then
_NOW_MS = 1_800_000_000_000
_TOPICS = Topics("penchant")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a statement held, and what stood first."""

    statement: Statement
    held: bool
    found: int
    asked: int
    titles: list[str]


@dataclass
class OpenShop:
    """A shop with its catalogue in place and some interactions of others behind it."""

    shop: Shop
    encoder: Encoder
    cache: Path
    catalogue: Catalogue = field(init=False)
    ranker: Ranker = field(init=False)

    def __post_init__(self) -> None:
        self.catalogue = catalogue_of(self.shop.items, self.encoder, self.cache)
        statistics = Statistics(self.catalogue, {})
        statistics.apply(_visits(self.catalogue))
        self.ranker = Ranker(self.catalogue, statistics.popularity, covisits=statistics.covisits, ease=statistics.ease)

    def judge(self, statement: Statement) -> Verdict:
        """What a newcomer gets who writes this."""
        state = UserState()
        self.hear(state, statement.text, about=statement.about)
        listed = [entry.item_id for entry in self.ranker.rank(state, FIRST).items]
        return self._verdict(statement, listed)

    def hear(self, state: UserState, text: str, number: int = 0, about: str = "") -> None:
        """Fold what somebody writes into a state. number: of what they write, in order. about: a title."""
        event = self._read(text, number, about)
        vector = self._encoded(event.encoder_input)
        item = self.catalogue.vector(event.item_id) if event.item_id is not None else None
        fold(state, adjusted(event, vector, self.encoder.sentiment), direction(item, vector), vector, Bounds())

    def _encoded(self, text: EncoderInput | None) -> Vector | None:
        if text is None:
            return None
        pieces = texts_to_encode(text)
        return assemble(text, dict(zip(pieces, self.encoder.embed(pieces, "query"), strict=True)))

    def _read(self, text: str, number: int, about: str) -> Event:
        decoder = Decoder(_TOPICS, load_weights(), 1, {}, clock=lambda: _NOW_MS + number)
        body = {"user_id": "u", "event_id": f"e{number}", "text": text}
        if about:
            body["item_id"] = next(item.item_id for item in self.shop.items if item.title == about)
        value = json.dumps(body).encode()
        event = decoder.decode(Record(_TOPICS.reviews, 0, number, _NOW_MS + number, b"u", value))
        if not isinstance(event, Event):
            raise TypeError("this is a bug: there is one partition, and a review is an event")
        return event

    def _verdict(self, statement: Statement, listed: list[str]) -> Verdict:
        properties = [self.shop.properties[item_id] for item_id in listed]
        must = statement.must or Condition(())
        there = sum(
            must.holds(each) and not any(never.holds(each) for never in statement.never)
            for each in self.shop.properties.values()
        )
        asked = 0 if statement.must is None else min(statement.least or _USUAL, there)
        found = sum(must.holds(each) for each in properties)
        spared = not any(never.holds(each) for never in statement.never for each in properties)
        titles = [item.title for item_id in listed for item in self.shop.items if item.item_id == item_id]
        return Verdict(statement, found >= asked and spared, found, asked, titles)


def judge_all(shops: dict[str, Shop], statements: Sequence[Statement], encoder: Encoder, cache: Path) -> list[Verdict]:
    """Every statement in its shop."""
    opened = {name: OpenShop(shop, encoder, cache) for name, shop in shops.items()}
    return [opened[statement.shop].judge(statement) for statement in statements]


def _visits(catalogue: Catalogue) -> CoVisits:
    """Interactions of others, one item each: drawn by Zipf over a shuffled catalogue."""
    random, n = np.random.default_rng(7), len(catalogue)
    share = 1.0 / np.arange(1, n + 1)
    rows = random.permutation(n)[random.choice(n, _EVENTS, p=share / share.sum())]
    events = [CoVisitEvent(offset, catalogue.ids[row], 0.3, []) for offset, row in enumerate(rows.tolist(), 1)]
    return CoVisits(topic="", partition=0, first=1, last=_EVENTS, events=events)
