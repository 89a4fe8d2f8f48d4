"""Fakes for other people's tests: what `Recommendations` and `EventProducer` do, in memory and at once.

>>> with FakeRecommendations() as lists:
...     lists.put("u1", ["i9", "i3"])
...     lists.put("*", ["i7"])
...     [item.item_id for item in lists.get("u1").items], lists.get("u2").path
(['i9', 'i3'], 'trending')
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Literal

import msgspec

from penchant.client.list_feed import ListFeed
from penchant.client.list_reader import ListReader
from penchant.errors import BufferFull, Unavailable
from penchant.messages import ListItem, RecommendationList
from penchant.producer.event_sender import Delivery, EventSender
from penchant.producer.outgoing_record import Message, OutgoingRecord
from penchant.times import rfc3339
from penchant.topics import TRENDING, Topics

__all__ = ["FakeEventProducer", "FakeRecommendations"]

_DAY_S = 86_400.0
_BUFFER_BYTES = 32 * 1024 * 1024
_TOPICS = Topics("penchant")


class FakeRecommendations(ListReader):
    """`Recommendations` without a broker: lists are what a test puts there.

    problem: what it says. silent: whether it has not heard of the broker for a while, so that lists are `stale`.
    """

    def __init__(self) -> None:
        super().__init__(ListFeed(_TOPICS))
        self.problem = ""
        self.silent = False
        self._feed.begin({_TOPICS.recommendations: [0], _TOPICS.items: [0]})
        self._feed.caught_up()

    def put(
        self,
        user_id: str,
        items: Sequence[str | ListItem],
        *,
        path: Literal["live", "cached", "trending"] = "live",
        age_s: float = 0.0,
        expiry_s: float = _DAY_S,
    ) -> None:
        """Publish a user's next list, or the trending list under `*`: made `age_s` ago, to expire after `expiry_s`."""
        made_ms = round((time.time() - age_s) * 1000)
        message = RecommendationList(
            user_id=user_id,
            version=max(self._feed.tables.lists.version(user_id) + 1, made_ms),
            generated_at=rfc3339(made_ms),
            expires_at=rfc3339(made_ms + round(expiry_s * 1000)),
            fingerprint="fake",
            path="trending" if user_id == TRENDING else path,
            cause=None,
            folded=[],
            items=[_entry(item, place) for place, item in enumerate(items)],
        )
        self._publish(user_id, message)

    def erase(self, user_id: str) -> None:
        """Publish the null of an erased user."""
        self._publish(user_id, None)

    def remove_item(self, item_id: str) -> None:
        """Have an item removed from the catalogue: it stands on no list any more."""
        self._feed.tables.gone.take(item_id.encode(), None)

    def _publish(self, user_id: str, message: RecommendationList | None) -> None:
        value = None if message is None else msgspec.json.encode(message)
        self._feed.take(_Record(_TOPICS.recommendations, user_id.encode(), value))

    def _unheard(self) -> bool:
        return self.silent


class FakeEventProducer(EventSender):
    """`EventProducer` without a broker: what was sent stands in `sent`, confirmed at once.

    messages: what was sent, as it was given. fails: what the broker answers from now on instead of a confirmation.
    full: whether the buffer is.

    >>> from penchant import Click
    >>> with FakeEventProducer() as events:
    ...     delivery = events.send(Click(user_id="u1", item_id="i9", type="click", event_id="c-1"))
    ...     delivery.result(), events.sent[0].key
    (Delivery(topic='penchant.clicks.v1', partition=0, offset=0), b'u1')
    """

    def __init__(self, commands_key: str | None = None) -> None:
        super().__init__("penchant", "test", _BUFFER_BYTES, commands_key)
        self.sent: list[OutgoingRecord] = []
        self.messages: list[Message] = []
        self.fails: Unavailable | None = None
        self.full = False

    def send(self, message: Message, source: str | None = None) -> Future[Delivery]:
        """See `EventProducer.send`."""
        delivery = super().send(message, source)
        self.messages.append(message)
        return delivery

    def _hand_over(self, record: OutgoingRecord, delivery: Future[Delivery]) -> None:
        if self.full:
            raise BufferFull("the fake is full")
        if self.fails is not None:
            delivery.set_exception(self.fails)
            return
        delivery.set_result(Delivery(record.topic, 0, len(self.sent)))
        self.sent.append(record)


class _Record(msgspec.Struct):
    """A record as far as a feed looks at it."""

    topic: str
    key: bytes
    value: bytes | None
    partition: int = 0
    offset: int = 0


def _entry(item: str | ListItem, place: int) -> ListItem:
    return item if isinstance(item, ListItem) else ListItem(item, 1.0 / (1 + place), "content")
