"""Endless records that nobody would send: the targets' inputs, changed, and texts of end users in valid reviews."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from penchant.topics import Topics
from stream.events.records import Record
from stream.testing import NOW_MS
from tests.fuzz.mutate import Mutator
from tests.fuzz.target import Form
from tests.fuzz.targets import decoding
from tests.fuzz.targets.messages import raw
from tests.fuzz.targets.texts import REVIEWS
from tests.fuzz.targets.wire import read, record_of

_MOST_BYTES = 16_384
_HUGE_BYTES = 3_000_000  # packed it is small, opened it is more than a topic takes
USERS = 24
_HALF_HOUR_MS, _DAYS_MS = 1_800_000, 80 * 86_400_000


def records(topics: Topics, seed: int) -> Iterator[Record]:
    """Of all topics that people write to. Partitions and offsets mean nothing yet."""
    choose = random.Random(seed)
    names = (topics.clicks, topics.reviews, topics.commands)
    sources = [
        (names[:2], [*decoding.events().corpus, *decoding.keys().corpus]),
        (names[2:], [*decoding.commands().corpus]),
        ((topics.items,), [*decoding.items().corpus]),
    ]
    by_tree, by_line = Mutator(Form.JSON), Mutator(Form.TEXT)
    while True:
        draw = choose.random()
        if draw < 0.3:
            yield _written(topics, by_line, choose)
            continue
        where, corpus = choose.choices(sources, (6, 1, 2))[0]
        data = by_tree(choose.choice(corpus), _MOST_BYTES, choose.randrange(2**32))
        if draw > 0.999:
            data = json.dumps({"topic": 1, "value": {"user_id": "u1", "text": "war " * (_HUGE_BYTES // 4)}}).encode()
        made = record_of(_somebody(read(data), choose), where, data)
        if made.topic == topics.items and made.key is None:
            continue  # Kafka takes none without a key into a compacted topic, nor what lies in one batch with it
        yield replace(made, timestamp_ms=_recent(made.timestamp_ms))


def _recent(timestamp_ms: int) -> int:
    """A time that Kafka takes, which is up to an hour ahead; -1: that of sending, as most have it."""
    now_ms = time.time_ns() // 1_000_000
    ahead_ms = timestamp_ms - now_ms
    return timestamp_ms if timestamp_ms != NOW_MS and -_DAYS_MS < ahead_ms < _HALF_HOUR_MS else -1


def _written(topics: Topics, change: Mutator, choose: random.Random) -> Record:
    """A review in order but for what its author wrote."""
    text = _text(change(choose.choice(REVIEWS).encode(), _MOST_BYTES, choose.randrange(2**32)))
    body: dict[str, Any] = {"user_id": f"writer-{choose.randrange(USERS)}", "text": text}
    if choose.random() < 0.5:
        body |= {"item_id": f"i{choose.randrange(4)}"}
    return Record(topics.reviews, 0, 0, -1, body["user_id"].encode(), json.dumps(body).encode())


def _somebody(told: Any, choose: random.Random) -> Any:
    """Spread what is said of the user of the examples over several, so that none has it all."""
    if not isinstance(told, dict) or not isinstance(told.get("value"), dict):
        return told
    value, user = told["value"], f"u{choose.randrange(USERS)}"
    if value.get("user_id") == "u1":
        value["user_id"] = user
        if told.get("key") == "u1":
            told["key"] = user
    if choose.random() < 0.02:
        told["headers"] = [["x", raw(choose.randbytes(8))], *(told.get("headers") or [])]
    return told


def _text(data: bytes) -> str:
    """Halves of characters stay in it, since JSON can have them."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
