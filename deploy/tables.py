"""Lists and findings as tables for people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from serving.terminal.printing import console, theirs


def print_list(user: str, value: dict[str, Any] | None, titles: Mapping[str, str]) -> None:
    """Print one list, best first: rank, title, score, where it comes from, why."""
    out = console()
    if value is None:
        out.print(theirs(f"{user} was erased"))
        return
    table = Table(title=theirs(f"{user} · {_when(value)} · {value['path']}"), title_justify="left")
    table.add_column("#", justify="right")
    table.add_column("item", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column("source")
    table.add_column("why", overflow="fold")
    for rank, item in enumerate(value["items"], start=1):
        title = titles.get(item["item_id"]) or item["item_id"]
        why = "; ".join(f"{reason['share']:.2f} {reason['words']}" for reason in item.get("reasons", ()))
        table.add_row(str(rank), theirs(title), f"{item['score']:.2f}", theirs(item["source"]), theirs(why))
    out.print(table)


def _when(value: dict[str, Any]) -> str:
    """Say when the list was made and how long after the event that caused it."""
    made = datetime.fromisoformat(value["generated_at"])
    words = made.astimezone().strftime("%H:%M:%S")
    if value.get("cause") is None:
        return words
    lag_ms = (made - datetime.fromisoformat(value["cause"]["event_time"])).total_seconds() * 1000
    return f"{words}, {lag_ms:.0f} ms after its event" if 0 <= lag_ms < 60_000 else words


def print_checks(checks: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what the doctor found, one line a check, and what to do where something is wrong."""
    table = Table(box=None, show_header=False)
    for name, check in checks.items():
        mark = Text("ok", "green") if check["ok"] else Text("wrong", "red")
        table.add_row(mark, name, theirs(check["found"]), theirs("" if check["ok"] else check["do"]))
    console(wide=True).print(table)
