"""What the commands read: lines of `produce`, dead letters as they are listed and sent back."""

import json
from types import SimpleNamespace

from deploy.deadletters import Filter, copy_of, read_letter
from deploy.lines import BadLine, read_line
from serving.topics import Topic
from stream.testing import NOW_MS, TOPICS
from tests.fuzz.target import Target
from tests.fuzz.targets import messages as m
from tests.fuzz.targets.wire import read, record_of, written

_TOPICS = (None, Topic.CLICKS, Topic.REVIEWS, Topic.ITEMS, Topic.COMMANDS)
_DEAD = (Topic.CLICKS, Topic.REVIEWS, Topic.ITEMS, Topic.COMMANDS)


def lines() -> Target:
    """A line of a file, told to a topic and by its fields."""
    bodies = [*m.CLICKS, *m.REVIEWS, *m.COMMANDS, m.ITEM, {"key": "i1", "value": None}]
    corpus = [json.dumps(each, ensure_ascii=n % 2 == 0).encode() for n, each in enumerate(bodies)]

    def run(data: bytes) -> None:
        for topic in _TOPICS:
            made = read_line(7, data, topic)
            if isinstance(made, BadLine):
                made.why.encode("utf-8", "replace")
            else:
                assert 0 < len(made.key) <= 256

    return Target(run=run, corpus=corpus)


def letters() -> Target:
    """A dead letter: listed, filtered, and sent back where it tells its origin."""
    headers = [["penchant.error", "schema"], ["penchant.message", "x"], ["penchant.stage", "decode"]]
    headers += [["penchant.partition", "0"], ["penchant.offset", "7"], ["penchant.time", "2026-09-21T12:00:00+00:00"]]
    headers += [["penchant.attempts", "2"], ["penchant.version", "0.1.0"]]
    names = [TOPICS.name(topic) for topic in _DEAD]
    corpus = []
    for n, body in enumerate((m.FULL, m.SAID, m.ITEM, m.ERASE)):
        told = [*headers, ["penchant.topic", names[n]]]
        corpus.append(written(body, topic=n, headers=told, key="u1"))
        corpus += [
            written(m.enveloped(body), topic=n, headers=[*told, *m.STRUCTURED]),
            written(None, topic=n, headers=told),
        ]

    def run(data: bytes) -> None:
        came = record_of(read(data), names, data)
        like = SimpleNamespace(
            partition=came.partition,
            offset=came.offset,
            timestamp=came.timestamp_ms,
            key=came.key,
            value=came.value,
            headers=list(came.headers),
        )
        letter = read_letter(_DEAD[names.index(came.topic)], came.topic, like)
        Filter(user="u1", since_ms=NOW_MS).matches(letter)
        str(letter.erasure)
        if letter.origin is not None:
            assert 0 <= copy_of(letter, TOPICS, 4).partition < 4

    return Target(run=run, corpus=corpus, most_bytes=8192)
