"""What is known of a user as rows of numbers: one row for each event or text with a preference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats, Indices, Rows
from serving.catalogue import Catalogue
from serving.compiled import compiled
from serving.lexical.spoken_points import Said
from serving.ranking.ease import History, history_of
from serving.ranking.rank_settings import RankSettings
from serving.ranking.reasons.phrases import Language
from serving.state.history import older_items
from serving.state.user_state import EventKind, RecentText, RingEvent, UserState, Vector

__all__ = ()

SourceEvent = RingEvent | RecentText


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as `p` interests, signed: above 0 it draws items near, below 0 it pushes them away.

    sources: the events behind the interests; owner: `(p,)`, which of them an interest belongs to (a review of an item
    gives two: the item's and the text's); the first `n_items` interests are items, the others texts.
    vectors: `(p, d)` unit rows. weights: `(p,)` points for each unit of similarity to an item's vector. on_facets: the
    interests that are also held against the facets' texts; facet_queries: `(a, d)` unit rows, by which they are;
    facet_weights: `(a,)` points for each standard deviation.
    liked: `(q,)`, which interests are liked items; liked_rows: `(q,)`, their rows; liking: `(q,)`, how much, so that
    their vectors add up to `direction`: `(d,)`, where they lie, a unit vector, or zeros without any.
    long: `(d,)` float32, of length `settings.long`, or zeros if nothing stands behind it.
    ring: `(t,)`, the rows of the items that link others, newest first; covisits: `(t,)`, their co-visit weights; ages:
    `(t,)`, how many such events are newer, those that were retracted among them; gaps_s: `(t,)`, how many seconds
    before the newest of them they happened; linking: `(t,)`, which of the sources they are. history: all that links
    others, beyond the ring, too. damping: the factor in (0, 1] by which statements down-weight interactions; damped_by:
    the source that does so most, or how many sources there are if none does. said: statements with words or numbers,
    newest first. language: of the words that the user is told.
    """

    sources: list[SourceEvent]
    owner: Indices
    n_items: int
    vectors: Floats
    weights: Floats
    on_facets: Indices
    facet_queries: Floats
    facet_weights: Floats
    liked: Indices
    liked_rows: Rows
    liking: Floats
    direction: Vector
    long: Vector
    ring: Rows
    covisits: Floats
    ages: Indices
    gaps_s: Floats
    linking: Indices
    history: History
    damping: float
    damped_by: int
    said: list[Said]
    language: Language

    @property
    def query(self) -> Vector:
        """`(d,)`: all that is linear in an item's vector, in one."""
        return self.weights @ self.vectors + self.long

    @property
    def empty(self) -> bool:
        """Whether nothing is known of the user's preference."""
        return not self.sources and not self.long.any()


def profile_of(state: UserState, catalogue: Catalogue, settings: RankSettings, content: float) -> Profile:
    """The profile of a user. Retracted events, and items without a vector, say nothing.

    content: points of an item that lies just where the ring's liked items do.
    """
    ring = state.ring[::-1]
    items, all_rows, all_preferences, ages = _items(ring, catalogue, settings)
    texts, said, damping, loudest = _texts(ring, state, settings)
    stated = [(text, weight) for text, weight in zip(texts, said.tolist(), strict=True) if not text.item_id]
    texts, written, said = _signed(texts, said, catalogue.dim, settings)
    sources: dict[str, SourceEvent] = {text.event_id: text for text in reversed(texts)}
    sources |= {event.event_id: event for event in reversed(items)}  # of a review its place in the ring is kept
    places = {event_id: place for place, event_id in enumerate(sources)}
    at_source = np.array([places[event.event_id] for event in items], np.intp)
    rows, all_values = np.array(all_rows, np.intp), np.array(all_preferences, np.float32)
    valued = [at for at, preference in enumerate(all_preferences) if preference]
    values, valued_rows = _some(all_values, valued), _some(rows, valued)
    vectors, split = catalogue.centred(valued_rows), len(valued)
    liked, liking, direction, weights = _drawn(vectors, values, damping * content, settings.against)
    owner, on_facets = _some(at_source, valued), _NO_ROWS
    facet_queries, facet_weights = written, settings.facet * said
    if texts:
        vectors = np.concatenate([vectors, written])
        weights = np.concatenate([weights, settings.text * said])
        owner = np.concatenate([owner, np.array([places[text.event_id] for text in texts], np.intp)])
        on_facets = np.arange(split, split + len(texts))
    if len(liked) < split:  # what was liked adds up to one direction; each dismissal stands for itself
        dismissed = np.flatnonzero(values < 0)
        dismissed = dismissed[catalogue.facet_of[valued_rows[dismissed]] >= 0]
        on_facets = np.concatenate([dismissed, on_facets])
        facet_queries = np.concatenate([catalogue.facets[catalogue.facet_of[valued_rows[dismissed]]], written])
        facet_weights = np.concatenate([settings.against_facet * values[dismissed], facet_weights])
    linked = [at for at, event in enumerate(items) if event.covisit and event.preference >= 0]
    links, linked_rows = [items[at] for at in linked], _some(rows, linked)
    covisits = np.array([event.covisit for event in links])
    before = older_items(state, {catalogue.hash_of(event.item_id) for event in ring if event.item_id})
    return Profile(
        sources=list(sources.values()),
        owner=owner,
        n_items=split,
        vectors=vectors,
        weights=weights,
        on_facets=on_facets,
        facet_queries=facet_queries,
        facet_weights=facet_weights,
        liked=liked,
        liked_rows=_some(valued_rows, liked),
        liking=liking,
        direction=direction,
        long=_scaled(state.long, damping * settings.long, catalogue.dim),
        ring=linked_rows,
        covisits=covisits.astype(np.float32),
        ages=_some(np.array(ages, np.intp), linked),
        gaps_s=_gaps_s(links),
        history=history_of(linked_rows, covisits, catalogue.rows_of(before.items), before.strengths),
        linking=_some(at_source, linked),
        damping=damping,
        damped_by=places.get(loudest, len(places)),
        said=[
            Said(text, places[text.event_id], weight, newer)
            for newer, (text, weight) in enumerate(stated)
            if text.event_id in places and (text.words or text.spared or text.ranges)
        ],
        language=_language(ring, settings.language),
    )


_NO_ROWS: Indices = np.zeros(0, np.intp)
_T = TypeVar("_T", bound=np.generic)


def _some(array: npt.NDArray[_T], at: Sequence[int] | Indices) -> npt.NDArray[_T]:
    """`array[at]`, at ascending; mostly these are all."""
    return array if len(at) == len(array) else array[np.asarray(at, np.intp)]


@compiled
def _drawn(vectors: Floats, values: Floats, content: float, against: float) -> tuple[Indices, Floats, Vector, Floats]:
    """Of items `(p, d)` and decayed preferences `(p,)` those of a `Profile`: liked, liking, direction, weights."""
    liked, towards = np.empty(len(values), np.int64), np.zeros(vectors.shape[1], np.float32)
    q = 0
    for each in range(len(values)):
        if values[each] > 0.0:
            liked[q] = each
            q += 1
            for component in range(len(towards)):
                towards[component] += values[each] * vectors[each, component]
    squares = np.float32(0.0)
    for component in range(len(towards)):
        squares += towards[component] * towards[component]
    length = max(np.sqrt(squares), np.float32(1e-6))
    liking, weights = np.empty(q, np.float32), np.empty(len(values), np.float32)
    for at in range(q):
        liking[at] = values[liked[at]] / length
    for each in range(len(values)):
        weights[each] = values[each] * np.float32(content / length if values[each] > 0.0 else against)
    return liked[:q].copy(), liking, towards / length, weights


def _items(
    ring: list[RingEvent], catalogue: Catalogue, settings: RankSettings
) -> tuple[list[RingEvent], list[int], list[float], list[int]]:
    """Events of the ring on items with a vector, newest first: their rows, decayed preferences, and ages as links.

    What was retracted says nothing, but keeps its place: else a retraction would let all that is older count more.
    """
    items: list[RingEvent] = []
    rows: list[int] = []
    preferences: list[float] = []
    ages: list[int] = []
    links = 0
    for age, event in enumerate(ring):
        row = catalogue.find(event.item_id) if event.item_id and (event.preference or event.covisit) else None
        if row is not None and catalogue.items[row] is not None:
            if not event.retracted:
                items.append(event)
                rows.append(row)
                preferences.append(
                    event.preference * (settings.ring_decay if event.preference > 0 else settings.said_decay) ** age
                )
                ages.append(links)
            links += event.covisit > 0
    return items, rows, preferences, ages


def _language(ring: list[RingEvent], usual: Language) -> Language:
    """What the newest event says that says one."""
    told = next((event.language for event in ring if event.language), usual)
    return "zh" if told == "zh" else "en"


def _gaps_s(items: list[RingEvent]) -> Floats:
    """`(t,)`, seconds before the first."""
    times_ms = np.array([event.time_ms for event in items], np.int64)
    return (times_ms[:1] - times_ms).astype(np.float32) / np.float32(1000.0)


def _texts(
    ring: list[RingEvent], state: UserState, settings: RankSettings
) -> tuple[list[RecentText], Floats, float, str]:
    """Texts with a preference, newest first, their decayed preferences `(t,)`, the damping they bring, and which most.

    A text that left the ring is as old as that.
    """
    if not state.texts:
        return [], np.empty(0, np.float32), 1.0, ""
    ages = {event.event_id: age for age, event in enumerate(ring)}
    retracted = {event.event_id for event in state.ring if event.retracted}
    newer = {EventKind.STATEMENT: 0, EventKind.REVIEW: 0}
    kept: list[RecentText] = []
    weights: list[float] = []
    loudest, event_id = 0.0, ""
    for text in reversed(state.texts):
        if text.preference and text.event_id not in retracted:
            kind = EventKind.REVIEW if text.item_id else EventKind.STATEMENT
            age = ages.get(text.event_id, len(ring))
            review = settings.review if kind is EventKind.REVIEW else 1.0
            kept.append(text)
            weights.append(text.preference * review * settings.said_decay**age * settings.override ** newer[kind])
            newer[kind] += 1
            if kind is EventKind.STATEMENT and abs(weights[-1]) > loudest:
                loudest, event_id = abs(weights[-1]), text.event_id
    return kept, np.array(weights, np.float32), 1.0 - settings.statement_damping * min(loudest, 1.0), event_id


def _signed(
    texts: list[RecentText], said: Floats, dim: int, settings: RankSettings
) -> tuple[list[RecentText], Floats, Floats]:
    """Texts by what they want and by what they do not, a row each: whose, `(t, d)`, and how much it counts `(t,)`."""
    if not texts:
        return [], np.empty((0, dim), np.float32), said
    signed = [(text, text.wanted(), weight) for text, weight in zip(texts, said.tolist(), strict=True)]
    signed += [
        (text, _apart(text.unwanted(), text.wanted()), -settings.negative_weight * weight)
        for text, weight in zip(texts, said.tolist(), strict=True)
        if text.against
    ]
    signed = [each for each in signed if each[1].any()]
    return (
        [text for text, _, _ in signed],
        np.array([row for _, row, _ in signed], np.float32).reshape(-1, dim),
        np.array([weight for _, _, weight in signed], np.float32),
    )


def _apart(unwanted: Vector, wanted: Vector) -> Vector:
    """What is not wanted without what it has in common with what is: "dog food without chicken" is about dog food."""
    return unwanted - np.float32(max(float(unwanted @ wanted), 0.0)) * wanted


def _scaled(vector: Vector | None, length: float, dim: int) -> Vector:
    """The vector at that length; zeros stay zeros: they have no direction."""
    return np.zeros(dim, np.float32) if vector is None else _at_length(vector, length)


@compiled
def _at_length(vector: Vector, length: float) -> Vector:
    peak = np.float32(0.0)
    for each in vector:
        peak = max(peak, abs(each))
    if peak == 0.0:
        return np.zeros_like(vector)
    direction = vector / peak  # else squares of what has faded for years would be zeros
    squares = np.float32(0.0)
    for each in direction:
        squares += each * each
    return direction * np.float32(length / np.sqrt(squares))
