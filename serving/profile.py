"""What is known of a user as rows of numbers: one row for each event or text that says something about taste."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.catalogue import Catalogue
from serving.state import Kind, RecentText, RingEvent, UserState, Vector
from serving.words import Language

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RankSettings:
    """Points for each part; similarities are cosines (about -.5 to .8), popularity is in natural logarithms.

    short, long: what was touched of late, and over time.
    ring_decay: an item's weight for each newer event of the user.
    text, facet: what was written, against the items and against the texts of their facets.
    review: what the text of a review counts beside a statement's.
    override: a statement's weight for each newer statement (a review's for each newer review).
    said_decay: the weight of what was written or dismissed for each newer event: it outlives what was merely touched.
    against, against_facet: what was dismissed, against the items and against the texts of their facets.
    total, recent: popularity in all, and of late.
    """

    short: float = 2.5
    long: float = 0.5
    ring_decay: float = 0.8
    text: float = 2.0
    facet: float = 0.6
    review: float = 0.5
    override: float = 0.6
    said_decay: float = 0.95
    against: float = 0.3
    against_facet: float = 0.1
    total: float = 0.2
    recent: float = 0.2
    language: Language = "en"


@dataclass(frozen=True, slots=True)
class Source:
    """An event as a reason names it."""

    event_id: str
    kind: int
    item_id: str
    taste: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as `p` signals, signed: above 0 it draws items near, below 0 it pushes them away.

    sources: the events behind the signals; owner: `(p,)`, which of them a signal belongs to (a review of an item gives
    two: the item's and the text's). vectors: `(p, d)` unit rows. weights: `(p,)` points for each unit of similarity
    to an item's vector. asking: the signals that are also held against the facets' texts; asks: `(a, d)` unit rows,
    what they are held against them with; facet_weights: `(a,)` points for each standard deviation.
    long: `(d,)` float32, of length `settings.long`, or zeros if nothing stands behind it.
    """

    sources: list[Source]
    owner: npt.NDArray[np.intp]
    vectors: Floats
    weights: Floats
    asking: npt.NDArray[np.intp]
    asks: Floats
    facet_weights: Floats
    long: Vector

    @property
    def empty(self) -> bool:
        """Whether nothing is known of the user's taste."""
        return not self.sources and not self.long.any()


class _Signals:
    """Collects the rows of a profile."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self.owner: list[int] = []
        self.vectors: list[Vector] = []
        self.weights: list[float] = []
        self.asks: list[tuple[int, Vector, float]] = []

    def add(self, event: RingEvent | RecentText, kind: int, vector: Vector, weight: float) -> None:
        source = self.sources.setdefault(event.event_id, Source(event.event_id, kind, event.item_id, event.taste))
        self.owner.append(list(self.sources).index(source.event_id))
        self.vectors.append(vector)
        self.weights.append(weight)

    def ask(self, vector: Vector, weight: float) -> None:
        """Hold the signal that was added last against the facets' texts too."""
        self.asks.append((len(self.owner) - 1, vector, weight))


def profile_of(state: UserState, catalogue: Catalogue, settings: RankSettings) -> Profile:
    """The profile of a user. Retracted events, and items without a vector, say nothing."""
    ring = [event for event in reversed(state.ring) if not event.retracted]
    signals = _Signals()
    _items(signals, ring, catalogue, settings)
    _texts(signals, ring, state.texts, settings)
    dim = catalogue.dim
    return Profile(
        sources=list(signals.sources.values()),
        owner=np.array(signals.owner, np.intp),
        vectors=np.array(signals.vectors, np.float32).reshape(-1, dim),
        weights=np.array(signals.weights, np.float32),
        asking=np.array([row for row, _, _ in signals.asks], np.intp),
        asks=np.array([vector for _, vector, _ in signals.asks], np.float32).reshape(-1, dim),
        facet_weights=np.array([weight for _, _, weight in signals.asks], np.float32),
        long=_scaled(state.long, settings.long, dim),
    )


def _items(signals: _Signals, ring: list[RingEvent], catalogue: Catalogue, settings: RankSettings) -> None:
    """Items of the ring, newest first: what was liked adds up to one direction, each dismissal stands for itself."""
    liked: list[tuple[RingEvent, Vector, float]] = []
    for age, event in enumerate(ring):
        vector = catalogue.vector(event.item_id) if event.taste and event.item_id else None
        if vector is None:
            continue
        if event.taste > 0:
            liked.append((event, vector, event.taste * settings.ring_decay**age))
            continue
        weight = event.taste * settings.said_decay**age
        signals.add(event, event.kind, vector, settings.against * weight)
        facet = catalogue.facet_vector(event.item_id)
        if facet is not None:
            signals.ask(facet, settings.against_facet * weight)
    if liked:
        weights = np.array([weight for _, _, weight in liked], np.float32)
        length = float(np.linalg.norm(weights @ np.array([vector for _, vector, _ in liked])))
        scale = settings.short / max(length, 1e-6)
        for event, vector, weight in liked:
            signals.add(event, event.kind, vector, scale * weight)


def _texts(signals: _Signals, ring: list[RingEvent], texts: list[RecentText], settings: RankSettings) -> None:
    """Texts, newest first; a text that left the ring is as old as the ring is long."""
    ages = {event.event_id: age for age, event in enumerate(ring)}
    newer = {Kind.STATEMENT: 0, Kind.REVIEW: 0}
    for text in reversed(texts):
        kind = Kind.REVIEW if text.item_id else Kind.STATEMENT
        age = ages.get(text.event_id, len(ring))
        weight = text.taste * settings.said_decay**age * settings.override ** newer[kind]
        newer[kind] += 1
        if kind is Kind.REVIEW:
            weight *= settings.review
        if weight:
            vector = text.as_float32()
            signals.add(text, kind, vector, settings.text * weight)
            signals.ask(vector, settings.facet * weight)


def _scaled(vector: Vector | None, length: float, dim: int) -> Vector:
    """The vector at that length; zeros stay zeros: they have no direction."""
    norm = 0.0 if vector is None else float(np.linalg.norm(vector))
    if vector is None or norm == 0.0:
        return np.zeros(dim, np.float32)
    return vector * np.float32(length / norm)
