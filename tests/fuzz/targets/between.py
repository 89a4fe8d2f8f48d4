"""What only workers write, and anybody can: transfers, co-visits for the item statistics, item vectors."""

import base64
import json
from typing import Any

import msgspec
import numpy as np

from serving.catalogue import Catalogue, pack
from serving.ranking.covisit_messages import read_covisits
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state import user_state as codec
from serving.state.history import OlderItems
from serving.state.user_state import UserState
from stream.events.transfers import HEADER
from stream.processing.intake import arrive
from stream.tasks.blend_learning import before
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, embed_by_words
from tests.fuzz.target import Target
from tests.fuzz.targets import messages as m
from tests.fuzz.targets.decoding import decoder, follow_vectors
from tests.fuzz.targets.wire import read, record_of, written
from tests.support.states import by_hand, pack_older_items

# A follower leaves such a record out and goes on (serving/kafka/follower.py): nothing must have changed by then.
REFUSED = (ValueError, msgspec.MsgspecError)
REF = [TOPICS.commands, 0, 3, "k-2", NOW_MS]
_HAND = ["u2", 0, "0f1e2d"]
SAID: list[dict[str, Any]] = [
    {"type": "request", "to": "u2", "user_id": "u1", "command_id": "k-2", "time_ms": NOW_MS, "ref": REF},
    {
        "type": "hand-over",
        "to": "u1",
        "anonymous_id": "u2",
        "command_id": "k-2",
        "time_ms": NOW_MS,
        "ref": REF,
        "hand": _HAND,
        "refused": "",
    },
    {"type": "confirm", "to": "u2", "token": "0f1e2d"},
    {
        "type": "passed",
        "to": "u1",
        "hand": _HAND,
        "topic": TOPICS.clicks,
        "partition": 0,
        "offset": 5,
        "timestamp_ms": NOW_MS,
        "key": base64.b64encode(b"u1").decode(),
    },
    {"type": "erased", "to": "u2", "time_ms": NOW_MS},
    {"type": "republish", "to": "u1", "folded": [REF]},
]


def told(message: dict[str, Any], value: Any) -> bytes:
    """A transfer as an input."""
    return written(value, headers=[["ce_id", "x"], [HEADER, message]])


def states() -> list[dict[str, str]]:
    """States as they are handed over: of nobody, and one that uses every field."""
    return [m.raw(codec.encode(each, FINGERPRINT)) for each in (UserState(), by_hand())]


def transfers() -> Target:
    """What the owners of two users tell each other, as it arrives."""
    by = decoder()
    corpus = [told(each, value) for each in SAID for value in ("", m.CLICK, *states())]

    def run(data: bytes) -> None:
        came = record_of(read(data), [TOPICS.transfers], data)
        arrive(came, by, TOPICS.transfers)

    return Target(run=run, corpus=corpus, words=[each["type"] for each in SAID])


def covisits() -> Target:
    """Co-visits as statistics take them in, and what the blend would learn from. What is refused changes nothing."""
    past = OlderItems(np.array([7, 8], np.uint32), np.array([0.2, 1.0], np.float32))
    ring = [["i1", 0.5], ["i2", 1.0]]
    events = [[0, "i1", 1.0, []], [1, "i2", 0.5, ring, [0, 60], ""], [2, "i3", 0.3, ring, [], pack_older_items(past)]]
    whole = {"topic": TOPICS.clicks, "partition": 0, "first": 0, "last": 2, "events": events}
    corpus = [json.dumps(whole | {"events": events[:n]}).encode() for n in range(4)]

    def run(data: bytes) -> None:
        message = read_covisits(data)
        catalogue = Catalogue(8, FINGERPRINT, capacity=4)
        statistics = Statistics(catalogue, {})
        try:
            for event in statistics.unapplied(message):
                before(event)
            statistics.apply(message)
        except REFUSED:
            assert (len(catalogue), statistics.popularity.events) == (0, 0)
            raise
        sums = statistics.popularity.sums(len(catalogue))
        assert np.isfinite(sums.totals).all()
        assert np.isfinite(statistics.begin_fit().counts).all()
        statistics.snapshot(TOPICS.covisits, 1, NOW_MS)

    return Target(run=run, corpus=corpus, allowed=REFUSED)


def vectors() -> Target:
    """Item vectors as a follower takes them in, and a list made from them. What is refused changes nothing."""
    one = {
        "item_id": "i1",
        "title": "Space",
        "facets": {"genre": ["Sci-Fi"]},
        "available": True,
        "revision": "0",
        "fingerprint": FINGERPRINT,
        "vector": pack(embed_by_words("space")),
        "facet_text": "Sci-Fi film",
        "facet_vector": pack(embed_by_words("war")),
    }
    corpus = [json.dumps(each).encode() for each in (one, one | {"facet_text": "", "facet_vector": ""}, [one, None])]

    def run(data: bytes) -> None:
        catalogue = Catalogue(8, FINGERPRINT, capacity=4)
        take = follow_vectors(catalogue)
        take(b"i0", json.dumps(one | {"item_id": "i0"}).encode())
        vectors, items = catalogue.vectors.copy(), list(catalogue.items)
        try:
            take(b"i1", data)
        except REFUSED:
            assert (catalogue.vectors == vectors).all()
            assert [each for each in catalogue.items if each is not None] == items
            raise
        assert np.isfinite(catalogue.vectors).all()
        catalogue.recentre()
        Ranker(catalogue, Statistics(catalogue, {}).popularity).rank(UserState(), 5)

    return Target(run=run, corpus=corpus, words=[FINGERPRINT], allowed=REFUSED)
