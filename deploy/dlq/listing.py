"""Dead letters for people and for programs: counted, printed one by one, and what became of a redrive."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from deploy.dlq.dead_letter_record import DeadLetterRecord
from deploy.dlq.redrive import RedriveLog, Redriven
from penchant.times import rfc3339
from penchant.topics import Topics
from serving.terminal.printing import console, theirs

_SHOWN = 2000  # characters of a value that people get to see; programs get all
_LAST_MS = 253_402_300_799_999  # the end of the year 9999, where datetime ends
_NAMED = 100  # so many dead letters that were left are named


def count(
    dead_letters: Iterable[DeadLetterRecord], redriven: RedriveLog, topics: Topics
) -> tuple[list[dict[str, Any]], int]:
    """Count dead letters by topic and reason, in that order; and the erasures among them that were not sent back."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    erasures = 0
    for dead_letter in dead_letters:
        name = topics.name(dead_letter.topic)
        fresh = {"topic": name, "reason": dead_letter.reason, "letters": 0, "redriven": 0, "first": "", "last": ""}
        row = rows.setdefault((name, dead_letter.reason), fresh)
        row["letters"] += 1
        row["redriven"] += dead_letter in redriven
        when = _bounded_rfc3339(dead_letter.time_ms)
        row["first"] = min(row["first"] or when, when)
        row["last"] = max(row["last"], when)
        erasures += dead_letter.erasure and dead_letter not in redriven
    return [rows[key] for key in sorted(rows)], erasures


def print_counts(counts: Iterable[Mapping[str, Any]]) -> None:
    """Print what `count` found."""
    table = Table(box=None)
    for column in ("topic", "reason"):
        table.add_column(column, overflow="fold")
    for column in ("letters", "sent back"):
        table.add_column(column, justify="right", no_wrap=True)
    for column in ("first", "last"):
        table.add_column(f"{column} (UTC)", no_wrap=True)
    for row in counts:
        reason = row["reason"] or "(not a worker's)"
        numbers = (f"{row['letters']:,}", f"{row['redriven']:,}")
        times = (row[end][:16].replace("T", " ") for end in ("first", "last"))
        table.add_row(theirs(row["topic"]), theirs(reason), *numbers, *times)
    console(wide=True).print(table if table.row_count else "no dead letters")


def as_dict(dead_letter: DeadLetterRecord, topics: Topics, *, redriven: bool) -> dict[str, Any]:
    """Tell all of a dead letter, in values that JSON has."""
    partition, offset = dead_letter.origin or (None, None)
    headers = [[name, value.decode("utf-8", "backslashreplace")] for name, value in dead_letter.headers]
    return {
        "topic": topics.name(dead_letter.topic),
        "partition": partition,
        "offset": offset,
        "reason": dead_letter.reason,
        "message": dead_letter.message,
        "stage": dead_letter.stage,
        "time": _bounded_rfc3339(dead_letter.time_ms),
        "attempts": dead_letter.attempts,
        "redriven": redriven,
        "letter": {
            "topic": topics.dlq(dead_letter.topic),
            "partition": dead_letter.partition,
            "offset": dead_letter.offset,
        },
        "timestamp": dead_letter.timestamp_ms,
        **_text("key", dead_letter.key),
        **_text("value", dead_letter.value),
        "headers": headers,
    }


def print_dead_letter(told: Mapping[str, Any]) -> None:
    """Print one dead letter as `as_dict` tells it."""
    out = console()
    position = f"{told['topic']} partition {told['partition']} offset {told['offset']}"
    reason = theirs(told["reason"] or "(not a worker’s)", "bold")
    out.print(Text.assemble(reason, "  ", theirs(position), f"  {told['time']}"))
    attempts = f"attempt {told['attempts']}" + (", sent back" if told["redriven"] else "")
    lines = {"message": told["message"], "stage": f"{told['stage']}, {attempts}"}
    for name in ("key", "value"):
        text = told.get(name, told.get(f"{name}_base64"))
        lines[name] = "(null)" if text is None else text
    lines |= {f"header {name}": text for name, text in told["headers"] if not name.startswith("penchant.")}
    for name, text in lines.items():
        more = f" … {len(text):,} characters in all" if len(text) > _SHOWN else ""
        out.print(Text.assemble("  ", theirs(f"{name:<9} "), theirs(text[:_SHOWN]), more))


def redriven_as_dict(result: Redriven, topics: Topics, *, dry_run: bool) -> dict[str, Any]:
    """Tell what a redrive did, or would do."""
    sent = [
        {"topic": topics.name(topic), "reason": reason, "letters": number}
        for (topic, reason), number in sorted(result.sent.items(), key=lambda each: (each[0][0].name, each[0][1]))
    ]
    left = [
        {"topic": topics.dlq(one.topic), "partition": one.partition, "offset": one.offset, "why": one.why}
        for one in result.left[:_NAMED]
    ]
    return {"dry_run": dry_run, "redriven": sent, "total": result.sent.total(), "left": len(result.left), "named": left}


def print_redriven(told: Mapping[str, Any]) -> None:
    """Print what `redriven_as_dict` tells; what was left goes to standard error."""
    out, complaints = console(), console(err=True)
    verb = "would send back" if told["dry_run"] else "sent back"
    out.print(f"{verb} {told['total']:,} dead letters" if told["total"] else "nothing to send back")
    for row in told["redriven"]:
        out.print(theirs(f"  {row['letters']:>9,}  {row['reason']} to {row['topic']}"))
    for one in told["named"]:
        position = f"{one['topic']} partition {one['partition']} offset {one['offset']}"
        complaints.print(theirs(f"left  {position}: {one['why']}"))
    if told["left"] > len(told["named"]):
        complaints.print(f"left  {told['left'] - len(told['named']):,} more")


def _text(name: str, value: bytes | None) -> dict[str, str | None]:
    """A field as text where it is UTF-8, else in base64 under a name that says so."""
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}


def _bounded_rfc3339(time_ms: int) -> str:
    bounded = min(max(time_ms, 0), _LAST_MS)  # somebody else's dead letter may have any timestamp
    return rfc3339(bounded)
