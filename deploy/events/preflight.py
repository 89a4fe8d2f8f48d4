"""Looks at messages before they are sent: types that no worker takes, fields that nothing reads, items sent twice."""

import difflib
from collections.abc import Collection

from deploy.events.jsonl import JsonLine
from penchant.messages import MESSAGES
from penchant.topics import Topic
from serving.files.message_splitter import BadLine
from serving.terminal.printable import shown

_ENVELOPE = frozenset({"specversion", "schema", "payload", "op"})  # others' framing: what is in it is not looked at
_READ_ELSEWHERE = frozenset({"context"})  # said in docs to be the producer's own
_MOST_ITEMS = 1_000_000  # ids that are remembered to count those that come again
_MOST_FIELDS = 20
# What others call our fields; difflib finds the misspelt ones.
_MEANT = {
    Topic.ITEMS: {
        "in_stock": "available", "instock": "available", "stock": "available", "active": "available", "id": "item_id",
        "name": "title", "description": "text", "category": "facets", "categories": "facets", "tags": "facets",
        "genres": "facets", "genre": "facets", "brand": "facets", "price": "facets",
    },
    Topic.CLICKS: {
        "action": "type", "event": "type", "event_type": "type", "timestamp": "event_time", "time": "event_time",
        "ts": "event_time", "rating": "value", "id": "event_id",
    },
    Topic.REVIEWS: {
        "timestamp": "event_time", "time": "event_time", "ts": "event_time", "score": "rating", "stars": "rating",
        "review": "text", "comment": "text", "body": "text", "id": "event_id",
    },
    Topic.COMMANDS: {"id": "command_id", "timestamp": "event_time", "action": "type"},
}  # fmt: skip


class Preflight:
    """What was found in the messages of one file. `types`: those of clicks that are taken; empty: any."""

    def __init__(self, types: Collection[str]) -> None:
        self._types = types
        self._fields: set[tuple[Topic, str]] = set()
        self._items: set[int] = set()
        self.repeated = 0  # items that came before in this file: the last one counts
        self.first_repeated = ""

    def wrong(self, line: JsonLine) -> BadLine | None:
        """Say why a message should not be sent at all."""
        if line.topic is not Topic.CLICKS or not self._types:
            return None
        named = line.message.get("type")
        if not isinstance(named, str) or named in self._types or not named:
            return None
        near = difflib.get_close_matches(named, self._types, n=1, cutoff=0.5)
        meant = f", is {near[0]} meant?" if near else ","
        return BadLine(
            line.number,
            f"no worker takes the type {shown(named)!r}{meant} known are {', '.join(sorted(self._types))}: "
            "add it to the weights file, or send it with --no-check",
        )

    def odd(self, line: JsonLine) -> list[str]:
        """Say what is odd about a message that is sent all the same: each field that nothing reads, once."""
        if line.topic is Topic.ITEMS and line.value is not None:
            self._count(line.key)
        if line.message.keys() & _ENVELOPE:
            return []
        known = MESSAGES[line.topic.value.suffix].__struct_fields__
        told = []
        for field in line.message:
            if field in known or field in _READ_ELSEWHERE or line.value is None:
                continue
            if (line.topic, field) not in self._fields and len(self._fields) < _MOST_FIELDS:
                self._fields.add((line.topic, field))
                meant = _meant(line.topic, field, known)
                told.append(f"nothing reads the field {shown(field)!r} on {line.topic.value.suffix}{meant}")
        return told

    def _count(self, key: bytes) -> None:
        if hash(key) in self._items:
            self.repeated += 1
            self.first_repeated = self.first_repeated or key.decode(errors="backslashreplace")
        elif len(self._items) < _MOST_ITEMS:
            self._items.add(hash(key))


def _meant(topic: Topic, field: str, known: Collection[str]) -> str:
    meant = _MEANT.get(topic, {}).get(field.lower())
    near = [meant] if meant else difflib.get_close_matches(field.lower(), known, n=1)
    return f": is {near[0]} meant?" if near else ""
