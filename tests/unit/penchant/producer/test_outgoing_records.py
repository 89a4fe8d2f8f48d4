"""What a producer sends is what a worker reads, and what it refuses a worker would refuse for the same reason."""

import json
from typing import Any, cast

import pytest

from penchant.errors import BufferFull, Rejected, RejectReason, Unavailable
from penchant.messages import Click, Command, Item, Review
from penchant.producer.event_sender import Delivery, EventSender
from penchant.producer.outgoing_record import Message, OutgoingRecord, record_of, removal_of
from penchant.testing import FakeEventProducer
from penchant.topics import Topics
from stream.events.decoder import CommandEvent, Decoder, Event, decode_item
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.testing import NOW_MS

TOPICS = Topics("penchant")
LONG = "x" * 40_000
CLICK: dict[str, Any] = {"user_id": "u1", "item_id": "i9", "type": "click"}
REVIEW: dict[str, Any] = {"user_id": "u1", "text": "good", "item_id": "i9"}
ITEM: dict[str, Any] = {"item_id": "i9", "title": "Alien"}
COMMAND: dict[str, Any] = {"command_id": "k-1", "type": "erase", "user_id": "u1"}


def read(record: OutgoingRecord) -> Any:
    """By a worker."""
    came = Record(record.topic, 0, 0, NOW_MS, record.key, record.value, tuple((n, v) for n, v in record.headers))
    if record.topic == TOPICS.items:
        return decode_item(came)
    return Decoder(TOPICS, load_weights(), 1, {}, clock=lambda: NOW_MS).decode(came)


@pytest.mark.parametrize("event_time", [NOW_MS - 5_000, "2026-09-21T10:00:00.123+01:00"])
def test_events_are_read_as_they_were_meant(event_time: int | str) -> None:
    rated = read(record_of(Click(**{**CLICK, "type": "rate"}, value=4, event_time=event_time), TOPICS, "shop"))
    wrote = read(record_of(Review(user_id="用户 1", text="我喜欢看电影", event_id="r-3"), TOPICS, "shop"))

    assert isinstance(rated, Event)
    assert (rated.user_id, rated.item_id, rated.kind.name) == ("u1", "i9", "RATE")
    assert rated.time_ms in {NOW_MS - 5_000, 1_789_981_200_123}
    assert (wrote.user_id, wrote.text, wrote.event_id) == ("用户 1", "我喜欢看电影", "r-3")


def test_an_event_without_an_id_is_given_one() -> None:
    click = Click(**CLICK)
    first, second = (read(record_of(click, TOPICS, "shop")) for _ in range(2))
    assert first.event_id != second.event_id
    assert click.event_id is None


def test_headers_are_a_cloud_event() -> None:
    record = record_of(Click(**CLICK, event_id="c-1", event_time=NOW_MS), TOPICS, "shop")

    headers = dict(record.headers)
    assert {name: headers[name] for name in ("ce_specversion", "ce_id", "ce_source", "ce_type")} == {
        "ce_specversion": b"1.0",
        "ce_id": b"c-1",
        "ce_source": b"shop",
        "ce_type": b"penchant.click",
    }
    assert headers["ce_time"].endswith(b"Z")
    assert (record.topic, record.key) == (TOPICS.clicks, b"u1")
    assert json.loads(record.value or b"") == {
        **CLICK,
        "event_id": "c-1",
        "event_time": NOW_MS,
        "rating_scale": [1.0, 5.0],
    }


def test_items_and_commands() -> None:
    facets = cast("Any", {"price": 12.5, "year": 1979, "hd": True, "genre": ["Horror", "Sci-Fi"], "brand": "A"})
    item = read(record_of(Item(item_id="i9", title="Alien", facets=facets), TOPICS, "shop"))
    assert isinstance(item, Item)
    assert item.facets == {"price": "12.5", "year": "1979", "hd": "true", "genre": ["Horror", "Sci-Fi"], "brand": "A"}
    assert read(removal_of("i9", TOPICS, "shop")) is None
    for command in (
        Command(**COMMAND),
        Command(**{**COMMAND, "type": "merge"}, anonymous_id="a7"),
        Command(**{**COMMAND, "type": "retract"}, event_id="c-1"),
    ):
        told = read(record_of(command, TOPICS, "shop"))
        assert isinstance(told, CommandEvent)
        assert told.command.type == command.type


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Click(**{**CLICK, "user_id": ""}), RejectReason.MISSING_FIELD),
        (Click(**{**CLICK, "user_id": "*"}), RejectReason.BAD_ID),
        (Click(**{**CLICK, "user_id": "x" * 257}), RejectReason.TOO_LARGE),
        (Click(**{**CLICK, "item_id": ""}), RejectReason.MISSING_FIELD),
        (Click(**{**CLICK, "type": None}), RejectReason.MISSING_FIELD),
        (Click(**{**CLICK, "type": "rate"}), RejectReason.MISSING_FIELD),
        (Click(**{**CLICK, "type": "rate"}, value=6), RejectReason.BAD_RATING),
        (Click(**CLICK, event_time="yesterday"), RejectReason.BAD_TIME),
        (Click(**CLICK, event_time="2026-11-22T10:00:00"), RejectReason.BAD_TIME),
        (Click(**CLICK, event_time=-1), RejectReason.BAD_TIME),
        (Click(**CLICK, event_id=""), RejectReason.MISSING_FIELD),
        (Review(**{**REVIEW, "text": ""}), RejectReason.MISSING_FIELD),
        (Review(**{**REVIEW, "text": LONG}), RejectReason.TOO_LARGE),
        (Review(**REVIEW, rating=7), RejectReason.BAD_RATING),
        (Item(**{**ITEM, "title": " "}), RejectReason.MISSING_FIELD),
        (Item(**{**ITEM, "title": LONG}), RejectReason.TOO_LARGE),
        (Item(**ITEM, facets={"a": LONG}), RejectReason.TOO_LARGE),
        (Command(**{**COMMAND, "type": "forget"}), RejectReason.UNKNOWN_TYPE),
        (Command(**{**COMMAND, "type": "retract"}), RejectReason.MISSING_FIELD),
        (Command(**{**COMMAND, "type": "merge"}), RejectReason.MISSING_FIELD),
    ],
)
def test_what_a_worker_would_refuse_is_refused_before_it_is_sent(message: Message, reason: RejectReason) -> None:
    with pytest.raises(Rejected) as ours:
        record_of(message, TOPICS, "shop")
    assert ours.value.reason is reason


@pytest.mark.parametrize(
    "wrong",
    [
        Click(**{**CLICK, "user_id": 17}),
        Click(**{**CLICK, "value": "much"}),
        Click(**{**CLICK, "user_id": "\ud800"}),
        Click(**CLICK, context={"page": object()}),
        Item(**ITEM, facets=cast("Any", {"genre": {"a": 1}})),
        cast("Any", {"user_id": "u1"}),
    ],
)
def test_what_is_no_message_is_refused(wrong: Message) -> None:
    with pytest.raises(Rejected) as ours:
        record_of(wrong, TOPICS, "shop")
    assert ours.value.reason is RejectReason.SCHEMA


def test_what_is_larger_than_a_topic_takes_is_refused() -> None:
    with pytest.raises(Rejected, match="is the most"):
        record_of(Click(**CLICK, context={"page": "x" * 2_200_000}), TOPICS, "shop")


async def test_a_fake_confirms_refuses_and_fails() -> None:
    events = FakeEventProducer()
    click = Click(**CLICK)
    async with events:
        assert await events.send_async(click) == Delivery(TOPICS.clicks, 0, 0)
        with pytest.raises(Rejected):
            events.send(Click(**{**CLICK, "user_id": ""}))
        events.remove_item("i9").result()
        assert [record.topic for record in events.sent] == [TOPICS.clicks, TOPICS.items]
        assert events.messages == [click]

        events.full = True
        with pytest.raises(BufferFull):
            events.send(click)
        events.full = False
        events.fails = Unavailable("away")
        with pytest.raises(Unavailable, match="away"):
            await events.send_async(click)
        with pytest.raises(Unavailable, match="1 messages were not confirmed"):
            events.flush()
        events.flush()
        assert (events.unconfirmed, len(events.sent)) == (0, 2)


def test_no_more_is_kept_than_may_be() -> None:
    """Given a buffer for two messages and a broker that confirms nothing, then the third is refused."""
    silent = Silent("penchant", "shop", buffer_bytes=250)
    silent.send(Click(**CLICK))
    silent.send(Click(**CLICK))
    with pytest.raises(BufferFull, match="2 messages"):
        silent.send(Click(**CLICK))
    with pytest.raises(Unavailable, match="2 messages were not confirmed in"):
        silent.flush(timeout_s=0.0)
    silent.handed_over[0].set_result(Delivery("t", 0, 0))
    silent.send(Click(**CLICK))
    assert silent.unconfirmed == 2
    assert not silent.handed_over[1].cancel(), "it may be on its way"


class Silent(EventSender):
    """Hands over to nobody."""

    def __init__(self, *told: Any, **options: Any) -> None:
        super().__init__(*told, **options)
        self.handed_over: list[Any] = []

    def _hand_over(self, record: OutgoingRecord, delivery: Any) -> None:
        self.handed_over.append(delivery)
