"""What the commands read: files of `produce`, dead letters, settings; and what of all that they show."""

import gzip
import io
import json
from contextlib import suppress
from types import SimpleNamespace

from deploy.dlq.dead_letter_record import DeadLetterFilter, copy_of, read_dead_letter
from deploy.events.jsonl import read_line
from penchant.errors import BadFile, Misconfigured
from penchant.topics import Topic
from serving.configuration.addresses import servers
from serving.configuration.dotenv import odd_lines, values_in
from serving.files.message_splitter import BadLine, Pieces
from serving.files.text_files import PeekedStream, text_of
from serving.redis.url import check_url, without_password
from serving.terminal.printable import json_shown, lines_shown, shown
from stream.testing import NOW_MS, TOPICS
from tests.fuzz.target import Form, Target
from tests.fuzz.targets import messages as m
from tests.fuzz.targets.wire import read, record_of, scratch, written

_SETTINGS = (
    "redis://",
    "rediss://",
    "unix://",
    "redis+sentinel://",
    "SASL_SSL://",
    "@",
    "?",
    "#",
    "%2F",
    ":",
    ",",
    "[::1]",
)
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


def files() -> Target:
    """A file, whatever it is: its messages one by one, or one sentence that says what it is instead."""
    bodies = [json.dumps(each, ensure_ascii=False) for each in (m.FULL, m.SAID, m.ITEM, m.ERASE)]
    texts = ["\n".join(bodies), "\r\n".join(bodies), f"[{','.join(bodies)}]", "user_id,item_id\nu1,i1\n"]
    encoded = [text.encode(encoding) for text in texts for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32-be")]
    packed = [gzip.compress(encoded[0]), gzip.compress(gzip.compress(encoded[0])), gzip.compress(encoded[2])[:-8]]
    starts = (b"PAR1", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", bytes(600), bytes(257) + b"ustar")

    def run(data: bytes) -> None:
        for content in (data, gzip.compress(data, 1)):
            for piece in Pieces("file", text_of("file", PeekedStream(io.BytesIO(content)))):
                if not isinstance(piece, BadLine):
                    read_line(*piece, None)

    return Target(run=run, corpus=[*encoded, *packed, *starts], form=Form.TEXT, allowed=(BadFile,))


def settings() -> Target:
    """Addresses and `.env` as people write them: taken, or refused in words; a password is never shown."""
    addresses = [
        "kafka-1:9092",
        "PLAINTEXT://a:1,b:2,",
        "[::1]:9092",
        "redis://ann:secret@redis:6379/0",
        "unix:///run/r",
    ]
    files = ["PENCHANT_PREFIX=a\nexport B='c d'\n# no\nC=\"${D}\"\n", "PENCHANT_REDIS=redis://:p#w@h/0\n\nodd line\n"]
    corpus = [text.encode() for text in addresses + files] + [files[0].encode("utf-16"), files[0].encode("latin-1")]
    file = scratch() / ".env"

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        for read_address in (servers, check_url):
            with suppress(ValueError):
                read_address(text).encode()
        assert "hush" not in without_password(f"redis://ann:hush{text}@redis:6379/0")
        file.write_bytes(data)
        values_in(file)
        odd_lines(file)

    return Target(run=run, corpus=corpus, form=Form.TEXT, words=_SETTINGS, allowed=(Misconfigured,))


def printed() -> Target:
    """What others wrote, as it is shown to people: nothing that a terminal would obey."""
    corpus = [
        "plain",
        "\x1b[31mred\x1b]52;c;QQ==\x07",
        "a\r\nb",
        "\u202eabc",
        "👨‍👩‍👧 [bold]x[/bold] :smile:",
        "\x9b1m",
    ]

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        for made in (shown(text), json_shown(json.dumps(text)), *lines_shown(text).split("\n")):
            made.encode()
            assert not any(ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0 or each in "\u202e\u2066" for each in made)

    return Target(run=run, corpus=[text.encode() for text in corpus], form=Form.TEXT)


def dead_letters() -> Target:
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
        dead_letter = read_dead_letter(_DEAD[names.index(came.topic)], came.topic, like)
        DeadLetterFilter(user="u1", since_ms=NOW_MS).matches(dead_letter)
        str(dead_letter.erasure)
        if dead_letter.origin is not None:
            assert 0 <= copy_of(dead_letter, TOPICS, 4).partition < 4

    return Target(run=run, corpus=corpus, most_bytes=8192)
