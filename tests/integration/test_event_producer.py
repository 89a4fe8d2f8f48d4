"""The producer for events, on a broker that comes and goes."""

import gc
import os
import signal
from concurrent.futures import Future
from pathlib import Path

import pytest

from deploy.local.services import start_broker
from penchant import BufferFull, Click, Command, Delivery, EventProducer, Item, Misconfigured, Review, Unavailable
from penchant.partitioner import partition_of
from serving.kafka.admin import read_topic
from tests.conftest import ON_APACHE, Broker
from tests.support.client_topics import PARTITIONS, ListTopics
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


async def test_messages_are_confirmed_where_workers_look_for_them(broker: Broker, prefix: str) -> None:
    topics = ListTopics(broker.bootstrap, prefix).topics
    with EventProducer(broker.bootstrap, prefix, source="shop") as events:
        sent: list[Future[Delivery]] = [
            events.send(Click(user_id=f"u{number}", item_id="i9", type="click")) for number in range(200)
        ]
        others = (
            Review(user_id="u1", text="我喜欢看电影"),
            Item(item_id="i9", title="Alien"),
            Command(command_id="k-1", type="erase", user_id="u2"),
        )
        told = [await events.send_async(message) for message in others]
        events.remove_item("i9")
        events.flush()
        assert events.unconfirmed == 0

    assert [each.topic for each in told] == [topics.reviews, topics.items, topics.commands]
    stored = {(record.partition, record.offset): record for record in read_topic(broker.bootstrap, topics.clicks)}
    assert len(stored) == 200
    for number, delivery in enumerate(each.result() for each in sent):
        record = stored[delivery.partition, delivery.offset]
        assert (record.key, delivery.partition) == (f"u{number}".encode(), partition_of(f"u{number}", PARTITIONS))
        assert dict(record.headers)["ce_source"] == b"shop"
    assert [record.value is None for record in read_topic(broker.bootstrap, topics.items)] == [False, True]


def test_topics_that_are_missing_and_a_broker_that_is_away(broker: Broker, prefix: str) -> None:
    with pytest.raises(Misconfigured, match="is missing"):
        EventProducer(broker.bootstrap, prefix).start()
    with pytest.raises(Unavailable, match="cannot be reached"):
        EventProducer("127.0.0.1:1", prefix).start()
    with pytest.raises(Misconfigured, match="not started"):
        EventProducer(broker.bootstrap, prefix).send(Click(user_id="u1", item_id="i9", type="click"))


@pytest.mark.skipif(ON_APACHE, reason="the embedded broker is held")
def test_a_broker_that_stands_still_and_one_that_dies(
    tmp_path: Path, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a broker that answers no more, then messages wait until the buffer is full, and go on with it."""
    caplog.set_level("CRITICAL", "kafka")
    click = Click(user_id="u1", item_id="i9", type="click", context={"page": "x" * 1000})
    held = start_broker(tmp_path)
    ListTopics(held.bootstrap, prefix)
    options = {"delivery_timeout_ms": 4_000, "request_timeout_ms": 2_000}
    events = EventProducer(held.bootstrap, prefix, buffer_bytes=10_000, kafka=options).start()
    try:
        os.kill(held.child.pid, signal.SIGSTOP)
        sent = [events.send(click) for _ in range(8)]
        with pytest.raises(BufferFull, match="8 messages"):
            events.send(click)
        os.kill(held.child.pid, signal.SIGCONT)
        events.flush()
        assert {delivery.result().topic for delivery in sent} == {f"{prefix}.clicks.v1"}

        held.child.kill()
        lost = events.send(click)
        with pytest.raises(Unavailable, match="not confirmed"):
            lost.result(60)
        assert until(lambda: events.unconfirmed == 0)
        with pytest.raises(Unavailable, match="1 messages were not confirmed"):
            events.close()
    finally:
        held.stop()
    gc.collect()
