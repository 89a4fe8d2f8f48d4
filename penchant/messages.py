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
    """An action on an item.

    type: view, click, cart, purchase, like, dismiss, impression, rate or what the weights file adds; absent: `ce_type`.
    event_id: it counts once for its user; absent: `ce_id`, else `topic-partition-offset`. event_time: RFC 3339 with
    zone, or milliseconds since 1970; absent: `ce_time`, else the record's timestamp. value: for `rate` the rating.
    rating_scale: the lowest rating and the highest. list_version: which list it answers. position: the item's place on
    that list, from 1. source: the site or app that it comes from. session_id: the visit that it belongs to. context:
    its `language` (`zh`, `en-US`) is the one in which this user is told reasons; all else in it is ignored.
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
    context: Any = None


class Review(msgspec.Struct, kw_only=True):
    """A text by a user: a review of an item, or a statement.

    text: 32 KB at most, of which the encoder reads the first 256 tokens; may be empty if an item is rated. item_id: the
    item that is reviewed; absent: a plain statement. event_id: it counts once for its user; absent: `ce_id`, else
    `topic-partition-offset`. event_time: RFC 3339 with zone, or milliseconds since 1970; absent: `ce_time`, else the
    record's timestamp. rating: on `rating_scale`. rating_scale: the lowest rating and the highest. list_version:
    which list it answers. position: the item's place on that list, from 1. source: the site or app that it comes from.
    session_id: the visit that it belongs to. context: its `language` (`zh`, `en-US`) is the one in which this user is
    told reasons; all else in it is ignored.
    """

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
    context: Any = None


class Item(msgspec.Struct, kw_only=True):
    """An item of the catalogue; a record without a value removes the item that its key names.

    title: 4 KB at most; it or `text` is needed. text: a description, 32 KB at most. facets: names, each with a text, a
    number, or a list of them; numbers are found by ranges; with the title 32 KB at most as JSON. available: whether it
    may be recommended.
    """

    item_id: str
    title: str = ""
    text: str = ""
    facets: Facets = {}
    available: bool = True


class Command(msgspec.Struct, kw_only=True):
    """What is asked about a user; each command is answered by a receipt.

    command_id: the key of the receipt. type: `retract`, `merge` or `erase`. event_time: as of an event. event_id: which
    event to retract. anonymous_id: for `merge`: who is merged into `user_id`. event: for `retract` of an event that is
    long gone, that event as it was sent, with its `event_time`.
    """

    command_id: str
    type: str
    user_id: str
    event_time: Time = None
    event_id: str | None = None
    anonymous_id: str | None = None
    event: dict[str, Any] | None = None


class Reason(msgspec.Struct, omit_defaults=True, gc=False):
    """Why an item is on a list.

    event_id: the event that it comes from; null: no event of the user. share: its part of the item's positive points,
    at most 1 together. words: it in words; never a quotation of what another user wrote. code: what they say, for
    programs; docs/explanations.md has all codes.
    """

    event_id: str | None
    share: float
    words: str
    code: str = ""


class ListItem(msgspec.Struct, gc=False):
    """One entry of a list.

    score: points; the list is in their order but for rules, variety and exploration slots. source: the largest part of
    the score.
    """

    item_id: str
    score: float
    source: Literal["content", "covisit", "popular", "explore"]
    reasons: list[Reason] = []


class Cause(msgspec.Struct, gc=False):
    """The newest event behind a list."""

    topic: str
    partition: int
    offset: int
    event_id: str
    event_time: str


class Folded(msgspec.Struct, omit_defaults=True, gc=False):
    """An event or command taken in since the version before.

    event_id: of a command its `command_id`. waiting: it is pending, for its item's vector or for the encoder; it is
    named again once it is folded. duplicate: it had come before.
    """

    topic: str
    partition: int
    offset: int
    event_id: str
    waiting: bool = False
    duplicate: bool = False


class RecommendationList(msgspec.Struct, kw_only=True, gc=False):
    """A user's list; a null after erasure. Under the key `*` stands the trending list.

    version: grows by user, with gaps; a lower one that comes later is outdated. expires_at: prefer the trending list
    from then on. fingerprint: of the model folder. path: `live` from the user's interests, `cached` while a text is
    pending, `trending` where nothing is known of the user. variant: of the experiment that is running; absent without
    one. cause: the newest event that it names; null under `*`. folded: what was taken in since the version before, 256
    at most. folded_more: how many more. items: best first.
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
    """What was done about a command. It names no user.

    type: the command's. reason: why it was refused, or what else is to be said; may be empty. removed: of an erasure,
    how much of what.
    """

    command_id: str
    type: str
    status: Literal["done", "refused"]
    reason: str
    completed_at: str
    removed: dict[str, int] = {}


class AuditedCommand(msgspec.Struct, kw_only=True):
    """Who commanded what, and what was done: as the command came, and once more if that was later.

    type: the command's. status: `waiting` until its event, or another owner, has come; `forwarded` to the owner of the
    user whom this one was merged into. reason: as in the receipt. at: when it was decided. users: whom it is about,
    both of a merge, as keyed digests: HMAC-SHA256 of the id by `PENCHANT_ERASURE_SECRET`. position: where the command
    stands, topic-partition-offset; null: it was told before. sent_at: that record's timestamp. signed_by: the name of
    the key that signed it; null: none was needed. source: who says to have sent it (`ce_source`); nobody vouches for
    that.
    """

    command_id: str
    type: str
    status: Literal["done", "refused", "waiting", "forwarded"]
    reason: str
    at: str
    users: list[str]
    position: str | None = None
    sent_at: str | None = None
    signed_by: str | None = None
    source: str | None = None


class ItemVector(msgspec.Struct, kw_only=True):
    """An item as embedded, for every ranker; a record without a value removes it.

    vector: of title and text: base64 of `(d,) float16`, a centred unit row. facet_text: the facets in words.
    facet_vector: of these, likewise. revision: a digest of what was embedded. fingerprint: of the model folder.
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
    older_items: items of the interactions before those (serving/state/history.py), packed. time_ms: when it happened,
    milliseconds since 1970; 0 in what was written before this was told. same_visit: the user viewed it, or put it into
    the cart, within the same visit already. purchase: seconds since its user's purchase of the item before, and until
    the one after, 0: none; null if it is no purchase. bought_before: what else the user bought before
    (serving/state/purchases.py), packed. covisit is what everybody's lists may count (stream/interest/influence.py),
    0: nothing, since its user counted for the item before; own: what the event weighs for its user, 0: as much.
    nth: the how-manieth of its user's events of a day it is, as far as the ring tells, from 1.
    """

    offset: int
    item_id: str
    covisit: float
    ring: list[tuple[str, float]]
    gaps_s: list[int] = []
    older_items: str = ""
    time_ms: int = 0
    same_visit: bool = False
    purchase: tuple[int, int] | None = None
    bought_before: str = ""
    own: float = 0.0
    nth: int = 1


class CoVisits(msgspec.Struct, kw_only=True):
    """The co-visits of one micro-batch and source partition; a follower applies an offset once.

    topic: where the events stand. partition: likewise. first: the lowest offset that is covered. last: the highest.
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
    "recommendations.v1": RecommendationList,
    "receipts.v1": Receipt,
    "audit.v1": AuditedCommand,
}
