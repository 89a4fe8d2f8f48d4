"""Runs a replay for the command line: settings, model, a bar, and its result for people and for programs."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from serving.kafka.admin import topic_layout
from serving.model.encoder import load_encoder
from serving.terminal.printing import Console, console, theirs
from stream.rebuild.audit import verify
from stream.rebuild.audit_report import ITEM_EXACTNESS, Finding, Report
from stream.rebuild.log_reader import Place
from stream.rebuild.rebuild import ReplaySource, Tell, model_of
from stream.rebuild.restore import Restored, fill
from stream.rebuild.store_reader import LiveStore, StoredKeys
from stream.settings import WorkerSettings
from stream.store.redis import Store
from stream.store.topic_identity import check_identities

_SHOWN = 20  # users who differ that are shown
_COLLECTED_AFTER = 10_000  # objects; by Python's 700 the records of a chunk are looked at 20 times, a sixth of all CPU
_R = TypeVar("_R")


def _open_source() -> ReplaySource:
    """What the settings name. Raises Misconfigured if topics are missing or unequal, or the model cannot be used."""
    settings = WorkerSettings()
    layout = topic_layout(settings.brokers, settings.topics)
    encoder = load_encoder(settings.model, settings.provider, threads=settings.encoder_threads)
    return ReplaySource(settings, layout.identities, layout.partitions, model_of(encoder))


def run_verification() -> Report:
    """Compare the live store with its log."""
    source = _open_source()
    settings = source.settings

    async def run(total: Tell, tell: Tell) -> Report:
        await check_identities(settings.redis, settings.keys, source.partitions, source.identities)
        live = LiveStore(settings.redis, settings.keys, source.identities, settings.retention())
        try:
            return await verify(source, live, total, tell)
        finally:
            await live.close()

    return _with_bar(run)


def run_restore(prefix: str | None, redis: str | None) -> dict[str, Any]:
    """Fill an empty store, under another prefix or in another Redis. Returns what was done, for programs."""
    source = _open_source()
    settings = source.settings

    async def run(total: Tell, tell: Tell) -> Restored:
        url, keys = redis or settings.redis, prefix or settings.keys
        store = Store(url, keys, source.model.fingerprint, source.identities, settings.retention())
        stored = StoredKeys(url, keys)
        try:
            return await fill(source, store, stored, total, tell)
        finally:
            await store.close()
            await stored.close()

    restored = _with_bar(run)
    return {
        "users": restored.users,
        "events": restored.events,
        "seconds": round(restored.seconds, 3),
        "events_per_s": round(restored.events / restored.seconds, 1) if restored.seconds else 0.0,
        "fingerprint": source.model.fingerprint,
        "retention": _truncated(restored.truncated),
    }


def print_restored(told: Mapping[str, Any]) -> None:
    """Print what `run_restore` did."""
    out = console()
    out.print(
        theirs(
            f"{told['users']:,} users made from {told['events']:,} events in {told['seconds']:.1f} s "
            f"({told['events_per_s']:,.0f} a second), vectors of {told['fingerprint']}"
        )
    )
    _print_truncated(out, told["retention"])


def as_dict(report: Report) -> dict[str, Any]:
    """A report for programs. The first users who differ are named."""
    return {
        "right": report.right,
        "users": report.users,
        "equal": report.equal,
        "different": len(report.different),
        "missing": len(report.missing),
        "extra": len(report.extra),
        "apart": len(report.apart),
        "apart_because": dict(_reasons(report)),
        "items": {
            "compared": report.items.compared,
            "different": report.items.different,
            "max_relative_difference": report.items.largest,
            "relative_difference": report.items.overall,
            "tolerance": ITEM_EXACTNESS,
            "taken_back": report.items.retractions,
        },
        "events": report.events,
        "seconds": round(report.seconds, 3),
        "events_per_s": round(report.events_per_s, 1),
        "retention": _truncated(report.truncated),
        "differences": [_told(each) for each in _shown(report)],
        "apart_named": [_told(each) for each in report.apart[:20]],
    }


def print_report(report: Report) -> None:
    """Print a report for people."""
    out = console(wide=True)
    table = Table(box=None, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column(overflow="fold")
    rows = {
        "users compared": (report.users, ""),
        "equal": (report.equal, ""),
        "different": (len(report.different), ""),
        "missing": (len(report.missing), "made by the log, not in the store"),
        "extra": (len(report.extra), "in the store, not made by the log"),
        "apart": (len(report.apart), "; ".join(f"{count:,}: {why}" for why, count in _reasons(report).items())),
    }
    for name, (count, why) in rows.items():
        table.add_row(f"{count:,}", name, theirs(why))
    items = report.items
    words = f"{items.different:,} differ, by {items.largest:.2%} at most, by {items.overall:.2%} in all"
    if items.retractions:
        words += f" ({items.retractions:,} retractions, erasures and merges count by when they came)"
    table.add_row(f"{items.compared:,}", "items compared", words)
    table.add_row(f"{report.events:,}", "events", f"in {report.seconds:.1f} s, {report.events_per_s:,.0f} a second")
    out.print(table)
    _print_truncated(out, _truncated(report.truncated))
    for each in _shown(report):
        what = "; ".join(f"{one.field}: {one.by}" for one in each.differences)
        out.print(theirs(f"  {each.user} (partition {each.partition}): {what}"), soft_wrap=True)
    right = Text("the live state is what the log makes", "green")
    out.print(right if report.right else Text("it is not the same", "red"))


def _reasons(report: Report) -> Counter[str]:
    return Counter(why.value for each in report.apart for why in each.caveats)


def _shown(report: Report) -> list[Finding]:
    return [*report.different, *report.missing, *report.extra][:_SHOWN]


def _told(found: Finding) -> dict[str, Any]:
    wrong = [{"field": each.field, "by": each.by} for each in found.differences]
    return {"user": found.user, "partition": found.partition, "differs": wrong}


def _truncated(truncated: Mapping[Place, int]) -> list[dict[str, Any]]:
    return [
        {"topic": topic, "partition": number, "first_offset": first}
        for (topic, number), first in sorted(truncated.items())
    ]


def _print_truncated(out: Console, told: list[dict[str, Any]]) -> None:
    for each in told:
        out.print(
            f"{each['topic']} partition {each['partition']} begins at offset {each['first_offset']:,}: "
            "retention took what was before"
        )


def _with_bar(run: Callable[[Tell, Tell], Coroutine[None, None, _R]]) -> _R:
    """Run it, with a bar on standard error where that is a terminal."""
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    err = console(err=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("records", total=None)
        return asyncio.run(
            run(lambda count: progress.update(task, total=count), lambda count: progress.advance(task, count))
        )
