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
    long: float = 0.1
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


Source = RingEvent | RecentText


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


def profile_of(state: UserState, catalogue: Catalogue, settings: RankSettings) -> Profile:
    """The profile of a user. Retracted events, and items without a vector, say nothing."""
    ring = [event for event in reversed(state.ring) if not event.retracted]
    items, rows, tastes = _items(ring, catalogue, settings)
    texts, said = _texts(ring, state, settings)
    dim, split = catalogue.dim, len(items)
    touched = catalogue.vectors[rows]
    written = np.array([text.as_float32() for text in texts], np.float32).reshape(-1, dim)
    # What was liked adds up to one direction of length `short`; each dismissal stands for itself.
    length = float(np.linalg.norm(np.maximum(tastes, 0) @ touched))
    scale = np.where(tastes > 0, settings.short / max(length, 1e-6), settings.against).astype(np.float32)
    dismissed = np.flatnonzero((tastes < 0) & (catalogue.facet_of[rows] >= 0))
    signals: list[Source] = [*items, *texts]
    sources = {signal.event_id: signal for signal in reversed(signals)}  # of a review its place in the ring is kept
    places = {event_id: place for place, event_id in enumerate(sources)}
    return Profile(
        sources=list(sources.values()),
        owner=np.array([places[signal.event_id] for signal in signals], np.intp),
        vectors=np.concatenate([touched, written]),
        weights=np.concatenate([scale * tastes, settings.text * said]),
        asking=np.concatenate([dismissed, np.arange(split, split + len(texts))]),
        asks=np.concatenate([catalogue.facet_vectors[catalogue.facet_of[rows[dismissed]]], written]),
        facet_weights=np.concatenate([settings.against_facet * tastes[dismissed], settings.facet * said]),
        long=_scaled(state.long, settings.long, dim),
    )


def _items(
    ring: list[RingEvent], catalogue: Catalogue, settings: RankSettings
) -> tuple[list[RingEvent], npt.NDArray[np.intp], Floats]:
    """Items of the ring with a taste and a vector, newest first, their rows and their decayed tastes `(i,)`, signed."""
    items: list[RingEvent] = []
    rows: list[int] = []
    tastes: list[float] = []
    for age, event in enumerate(ring):
        row = catalogue.find(event.item_id) if event.taste and event.item_id else None
        if row is not None and catalogue.items[row] is not None:
            items.append(event)
            rows.append(row)
            tastes.append(event.taste * (settings.ring_decay if event.taste > 0 else settings.said_decay) ** age)
    return items, np.array(rows, np.intp), np.array(tastes, np.float32)


def _texts(ring: list[RingEvent], state: UserState, settings: RankSettings) -> tuple[list[RecentText], Floats]:
    """Texts with a taste, newest first, and their decayed tastes `(t,)`; one that left the ring is as old as that."""
    ages = {event.event_id: age for age, event in enumerate(ring)}
    taken_back = {event.event_id for event in state.ring if event.retracted}
    newer = {Kind.STATEMENT: 0, Kind.REVIEW: 0}
    kept: list[RecentText] = []
    weights: list[float] = []
    for text in reversed(state.texts):
        if text.taste and text.event_id not in taken_back:
            kind = Kind.REVIEW if text.item_id else Kind.STATEMENT
            age = ages.get(text.event_id, len(ring))
            review = settings.review if kind is Kind.REVIEW else 1.0
            kept.append(text)
            weights.append(text.taste * review * settings.said_decay**age * settings.override ** newer[kind])
            newer[kind] += 1
    return kept, np.array(weights, np.float32)


def _scaled(vector: Vector | None, length: float, dim: int) -> Vector:
    """The vector at that length; zeros stay zeros: they have no direction."""
    peak = 0.0 if vector is None else float(np.abs(vector).max())
    if vector is None or peak == 0.0:
        return np.zeros(dim, np.float32)
    direction = vector / np.float32(peak)  # else squares of what has faded for years would be zeros
    return direction * np.float32(length / np.linalg.norm(direction))
