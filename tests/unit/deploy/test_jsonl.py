import gzip
import json
from pathlib import Path

import pytest

from deploy.events.jsonl import JsonLine, JsonLines, read_line
from penchant.errors import Misconfigured
from penchant.topics import Topic
from serving.files.message_splitter import BadLine


@pytest.mark.parametrize(
    ("message", "topic", "key"),
    [
        ({"user_id": "u1", "item_id": "i9", "type": "click"}, Topic.CLICKS, b"u1"),
        ({"user_id": "u1", "item_id": "i9", "type": "rate", "value": 4}, Topic.CLICKS, b"u1"),
        ({"user_id": "u1", "text": "我喜欢看电影"}, Topic.REVIEWS, b"u1"),
        ({"user_id": "u1", "item_id": "i9", "text": "good", "rating": 4}, Topic.REVIEWS, b"u1"),
        ({"item_id": "影1", "title": "星际穿越", "text": "…"}, Topic.ITEMS, "影1".encode()),
        ({"command_id": "c1", "type": "erase", "user_id": "u1"}, Topic.COMMANDS, b"u1"),
        ({"type": "retract", "user_id": "u1", "event_id": "c-17"}, Topic.COMMANDS, b"u1"),
        ({"type": ["retract"], "user_id": "u1", "item_id": "i9"}, Topic.CLICKS, b"u1"),
        ({"user_id": 17, "item_id": 9, "type": "click"}, Topic.CLICKS, b"17"),
        ({"item_id": 9, "title": "Alien"}, Topic.ITEMS, b"9"),
        ({"type": {}, "user_id": "u1", "text": "a dead letter's business"}, Topic.REVIEWS, b"u1"),
    ],
)
def test_a_message_is_told_from_its_fields(message: dict[str, object], topic: Topic, key: bytes) -> None:
    line = json.dumps(message, ensure_ascii=False).encode()

    assert read_line(1, line + b"\n", None) == JsonLine(1, topic, key, line)


def test_a_named_topic_wins_over_the_fields() -> None:
    read = read_line(1, b'{"user_id": "u1", "text": "a click with a text"}', Topic.CLICKS)

    assert isinstance(read, JsonLine)
    assert read.topic is Topic.CLICKS


def test_bytes_are_sent_as_they_were_written() -> None:
    odd = b'{"user_id":"u1",   "item_id": "i", "type":"click", "value": 1.50}'

    read = read_line(1, odd, None)

    assert isinstance(read, JsonLine)
    assert read.value == odd


def test_a_null_removes_an_item() -> None:
    assert read_line(1, b'{"key": "i9", "value": null}', Topic.ITEMS) == JsonLine(1, Topic.ITEMS, b"i9", None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{not json", "not JSON"),
        (b'{"user_id": "\xff"}', "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'"u1"', "not a JSON object"),
        (b'{"type": "click"}', "no user_id"),
        (b'{"user_id": null, "text": "x"}', "no user_id"),
        (b'{"user_id": 17.0, "item_id": "i9"}', "user_id is neither a text nor a whole number"),
        (b'{"user_id": true, "item_id": "i9"}', "user_id is neither a text nor a whole number"),
        (b'{"user_id": "", "item_id": "i9"}', "0 bytes"),
        (b'{"user_id": "' + b"x" * 257 + b'"}', "257 bytes"),
        (b'{"key": "i9", "value": null}', "--topic"),
        (b'{"user_id": "\xe9"}', "UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"item_id": "i9", "type": "view"}', "looks like an event"),
        (b'{"item_id": "i9", "event_id": "c-1", "value": 3}', "looks like an event"),
    ],
)
def test_a_line_without_a_key_says_what_is_wrong(line: bytes, words: str) -> None:
    read = read_line(7, line, None)

    assert isinstance(read, BadLine)
    assert read.number == 7
    assert words in read.why


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
def test_lines_are_numbered_as_in_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = b'{"a": 1}\n\n  \n{"b": 2}\n{"c": 3}'
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    with JsonLines(str(path)) as lines:
        assert list(lines) == [(1, b'{"a": 1}'), (4, b'{"b": 2}'), (5, b'{"c": 3}')]


def test_a_file_that_is_missing() -> None:
    with pytest.raises(Misconfigured, match=r"cannot read nowhere\.jsonl"), JsonLines("nowhere.jsonl"):
        pass


def test_a_packed_file_that_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-20])

    with JsonLines(str(path)) as lines, pytest.raises(Misconfigured, match="to its end"):
        list(lines)
