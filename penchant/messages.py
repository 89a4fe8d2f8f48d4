"""What stands on the topics: one class a message, JSON in UTF-8. `penchant schemas` prints them as JSON Schema.

Unknown fields are ignored, so producers may send more than is read here. What is read beside these classes (numbers as
ids, null for absent, other tools' envelopes) stands in docs/messages.md.
"""

from typing import Annotated, Any, Literal

import msgspec

Facets = dict[str, str | list[str]]
Time = str | int | float | None
RATING_SCALE = (1.0, 5.0)
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Click(msgspec.Struct, kw_only=True):
    """An action on an item (topic `clicks.v1`, key `user_id`).

    event_time: RFC 3339 with zone, or milliseconds since 1970; absent: `ce_time`, else the record's timestamp.
    value: for `rate` the rating, on `rating_scale`. list_version, position: which list it answers, and the item's place
    on it, from 1.
    """

    user_id: str
    item_id: str
    type: str | None = None
    event_id: str | None = None
    event_time: Time = None
    value: float | None = None
    rating_scale: tuple[float, float] | None = RATING_SCALE
    list_version: Int64 | None = None
    position: Int64 | None = None
    source: str | None = None
    session_id: str | None = None


class Review(msgspec.Struct, kw_only=True):
    """A text by a user (topic `reviews.v1`, key `user_id`); without `item_id` it is a plain statement."""

    user_id: str
    text: str
    item_id: str | None = None
    event_id: str | None = None
    event_time: Time = None
    rating: float | None = None
    rating_scale: tuple[float, float] | None = RATING_SCALE
    list_version: Int64 | None = None
    position: Int64 | None = None
    source: str | None = None
    session_id: str | None = None


class Item(msgspec.Struct, kw_only=True):
    """An item of the catalogue (topic `items.v1`, key `item_id`, compacted; a null value removes the item)."""

    item_id: str
    title: str = ""
    text: str = ""
    facets: Facets = {}
    available: bool = True


class Command(msgspec.Struct, kw_only=True):
    """What is asked about a user (topic `commands.v1`, key `user_id`).

    event: for `retract` of an event that is long gone, that event as it was sent, with its `event_time`.
    """

    command_id: str
    type: str
    user_id: str
    event_time: Time = None
    event_id: str | None = None
    anonymous_id: str | None = None
    event: dict[str, Any] | None = None


class Reason(msgspec.Struct):
    """Why an item is on a list: the event it comes from, and its share of the item's positive points."""

    event_id: str | None
    share: float
    words: str


class ListItem(msgspec.Struct):
    """One entry of a list. `source`: the largest part of the score."""

    item_id: str
    score: float
    source: Literal["content", "covisit", "popular", "explore"]
    reasons: list[Reason] = []


class Cause(msgspec.Struct):
    """The newest event behind a list."""

    topic: str
    partition: int
    offset: int
    event_id: str
    event_time: str


class Folded(msgspec.Struct, omit_defaults=True):
    """An event or command taken in since the version before: folded, waiting, or a duplicate."""

    topic: str
    partition: int
    offset: int
    event_id: str
    waiting: bool = False
    duplicate: bool = False


class Recommendations(msgspec.Struct, kw_only=True):
    """A user's list (topic `recommendations.v1`, key `user_id`, compacted; null after erasure; key `*`: trending).

    variant: of the experiment that is running; absent without one.
    """

    user_id: str
    version: int
    generated_at: str
    expires_at: str
    fingerprint: str
    path: Literal["live", "cached", "trending"]
    variant: str | msgspec.UnsetType = msgspec.UNSET
    cause: Cause | None
    folded: list[Folded]
    folded_more: int = 0
    items: list[ListItem]


class Receipt(msgspec.Struct, kw_only=True):
    """What was done about a command (topic `receipts.v1`, key `command_id`)."""

    command_id: str
    type: str
    status: Literal["done", "refused"]
    reason: str
    completed_at: str
    removed: dict[str, int] = {}


class ItemVector(msgspec.Struct, kw_only=True):
    """An item as embedded (topic `item-vectors.v1`, key `item_id`, compacted; null removes).

    vector, facet_vector: base64 of `(d,) float16`, centred unit rows; made from the item's text and from its facets'.
    revision: a digest of what was embedded.
    """

    item_id: str
    title: str
    facets: Facets
    available: bool
    revision: str
    fingerprint: str
    vector: str
    facet_text: str = ""
    facet_vector: str = ""


class CoVisitEvent(msgspec.Struct, array_like=True):
    """One event for the item statistics: its offset, item and co-visit weight, and its user's interactions before it.

    ring: as it stood, newest first, items and co-visit weights. gaps_s: of each of these, seconds before the newest.
    older_items: items of the interactions before those (serving/state/history.py), packed.
    """

    offset: int
    item_id: str
    covisit: float
    ring: list[tuple[str, float]]
    gaps_s: list[int] = []
    older_items: str = ""


class CoVisits(msgspec.Struct, kw_only=True):
    """The co-visits of one micro-batch and source partition (topic `covisits.v1`, key `topic-partition`).

    Covers the offsets `first` ≤ offset ≤ `last` of the source; a follower applies an offset once.
    """

    topic: str
    partition: int
    first: int
    last: int
    events: list[CoVisitEvent]


MESSAGES: dict[str, type[msgspec.Struct]] = {
    "clicks.v1": Click,
    "reviews.v1": Review,
    "items.v1": Item,
    "commands.v1": Command,
    "item-vectors.v1": ItemVector,
    "covisits.v1": CoVisits,
    "recommendations.v1": Recommendations,
    "receipts.v1": Receipt,
}
