"""What people write to: events in every framing, items, keys and headers, commands."""

import asyncio
import atexit
import math
from collections.abc import Callable, Sequence
from functools import cache

import msgspec

from penchant.errors import Rejected
from penchant.fields import TIME_END_MS
from penchant.messages import ItemVector
from penchant.topics import DEAD_LETTER_HEADERS_BYTES
from serving.catalogue import Catalogue
from stream.events.dead_letters import dead_letter_message, forwarded
from stream.events.decoder import CommandEvent, Decoder, Event
from stream.events.records import DeadLetter, Record, Reroute
from stream.events.weights import load_weights
from stream.processing.items import ItemPipeline
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, WORDS, MemoryLog, embed_texts
from tests.fuzz.target import Target
from tests.fuzz.targets import messages as m
from tests.fuzz.targets.wire import read, record_of, written

USER_TOPICS = (TOPICS.clicks, TOPICS.reviews, TOPICS.commands)


@cache
def loop() -> asyncio.AbstractEventLoop:
    """One loop for all inputs: making one takes longer than most inputs do."""
    made = asyncio.new_event_loop()
    atexit.register(made.close)
    return made


_weights = cache(load_weights)


def decoder(partitions: int = 1, clock: Callable[[], int] = lambda: NOW_MS) -> Decoder:
    """As a worker has it."""
    return Decoder(TOPICS, _weights(), partitions, {TOPICS.clicks: "abc"}, clock=clock)


def events() -> Target:
    """Clicks and reviews in every framing."""
    bodies = [*m.CLICKS, *m.REVIEWS]
    corpus = [written(each, topic=int("text" in each), key="u1") for each in bodies]
    corpus += [written(m.CLICK, headers=m.BINARY), written(m.enveloped(m.CLICK), headers=m.STRUCTURED)]
    corpus += [written(each, topic=n) for n, body in enumerate((m.FULL, m.REVIEW)) for each in m.odd(body)]
    return _decoding(decoder(), USER_TOPICS[:2], corpus)


def commands() -> Target:
    """Commands, with the events that they carry."""
    corpus = [written(each, key="u1") for each in m.COMMANDS]
    corpus += [written(each) for body in (m.RETRACT_TEXT, m.MERGE) for each in m.odd(body)]
    return _decoding(decoder(), USER_TOPICS[2:], corpus)


def keys() -> Target:
    """Keys, headers and places of records whose value is in order, over four partitions."""
    corpus = [written(m.CLICK, key=key, headers=m.BINARY) for key in ("u1", None, "", m.raw(b"\xff\xfe"))]
    corpus += [written(m.CLICK, headers=[["penchant.origin", "penchant.clicks.v1-0-7"], ["penchant.attempts", "2"]])]
    corpus += [written(each, topic=n, partition=3) for n, each in enumerate((m.CLICK, m.SAID, m.ERASE))]
    return _decoding(decoder(partitions=4), USER_TOPICS, corpus)


def _decoding(by: Decoder, topics: Sequence[str], corpus: Sequence[bytes]) -> Target:
    def run(data: bytes) -> None:
        came = record_of(read(data), topics, data)
        try:
            event = by.decode(came)
        except Rejected as error:
            check_dead_letter(came, error)
        else:
            check_event(event)

    return Target(run=run, corpus=corpus, most_bytes=16_384)


def check_dead_letter(came: Record, error: Rejected) -> None:
    """That the dead letter of a record can be written, and takes little more than the record."""
    made = dead_letter_message(DeadLetter(came, error.reason, str(error), "decode"), NOW_MS)
    added = sum(len(name) + len(text) for name, text in made.headers[len(came.headers) :])
    assert added < DEAD_LETTER_HEADERS_BYTES
    str(error).encode("utf-8", "replace")


def check_event(event: Event | CommandEvent | Reroute) -> None:
    """That what was let in can be kept, sorted and written."""
    if isinstance(event, Reroute):
        assert forwarded(event).partition == event.partition
        return
    event.user_id.encode()
    event.event_id.encode()
    assert 0 <= event.time_ms < TIME_END_MS
    if isinstance(event, CommandEvent):
        (event.command.anonymous_id or "").encode()
        if event.original is not None:
            check_event(event.original)
        return
    (event.item_id or "").encode()
    (event.text or "").encode()
    assert math.isfinite(event.weight.covisit)
    assert math.isfinite(event.most_preference)


def items() -> Target:
    """Items, from their record to the catalogue that lists are made from."""
    corpus = [written(m.ITEM, key="i1"), written({"item_id": "i2", "title": "war"}), written(None, key="i1")]
    corpus += [written(each) for each in m.odd(m.ITEM)]
    corpus += [written(m.ITEM | {"facets": each}) for each in ({"year": 1999, "hd": True}, {"genre": [None]}, None)]

    def run(data: bytes) -> None:
        came = record_of(read(data), [TOPICS.items], data)
        catalogue, log = Catalogue(len(WORDS), FINGERPRINT, capacity=4), MemoryLog()
        loop().run_until_complete(ItemPipeline(TOPICS, catalogue, embed_texts, log, lambda: NOW_MS).process([came]))
        assert len(log.sent) == 1
        for each in log.on(TOPICS.item_vectors):
            follow_vectors(catalogue)(each.key, each.value)
        catalogue.recentre()

    return Target(run=run, corpus=corpus, most_bytes=16_384)


def follow_vectors(catalogue: Catalogue) -> Callable[[bytes | None, bytes | None], None]:
    """What a worker does with a record of item-vectors.v1."""

    def take(key: bytes | None, value: bytes | None) -> None:
        if value is None:
            if key is not None:
                catalogue.remove(key.decode())
            return
        item = msgspec.json.decode(value, type=ItemVector)
        if item.fingerprint == catalogue.fingerprint:
            catalogue.put(item)

    return take
