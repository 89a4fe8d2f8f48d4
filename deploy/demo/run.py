"""The demo: films and their ratings through the whole system, then people who write what they like."""

import gzip
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from deploy.demo import films
from deploy.demo.clients import DemoClient, connected
from deploy.demo.films import Rating
from deploy.demo.rating_replay import LookAhead, RatingReplay, ReplayResult
from deploy.demo.running_system import RunningSystem, running
from deploy.demo.scene import scene
from deploy.demo.show import DemoPrinter, console
from deploy.demo.summary import StatementAnswer, Summary, summarise
from deploy.local.signals import stopping_signals
from penchant.messages import Item

CACHE = Path(".cache/wheels")
_NEWCOMER = "newcomer"
_STATEMENTS = ("我喜欢看电影，尤其是科幻片", "I am in the mood for romantic comedies")
_SCENE_STATEMENT = _STATEMENTS[0]
# Months pass in a minute here, so the trending list, which users without a list are shown, is refreshed each second.
_TIME_LAPSE = {"PENCHANT_TRENDING_EVERY_S": "1"}
_CHOSEN = 3
_KEPT_PER_S = 5  # while it stays up: one can follow it by eye
_EARLY = 2_000  # the three users are chosen among those who come within so many ratings


@dataclass(frozen=True)
class DemoPlan:
    """How long it replays, where the wheels lie, where ratings are written as they were sent, whether it stays up.

    aside: it is told on standard error.
    """

    seconds: float = 60.0
    cache: Path = CACHE
    sent: Path | None = None
    keep: bool = False
    aside: bool = False


def run_demo(plan: DemoPlan) -> Summary:
    """Run it; Ctrl-C and SIGTERM end it in order. Raises PenchantError."""
    for number in stopping_signals():  # so that everything is stopped in order, as by Ctrl-C
        signal.signal(number, signal.default_int_handler)
    return _demo(console(err=plan.aside), plan)


def _demo(out: Console, plan: DemoPlan) -> Summary:
    out.print(Text(films.TERMS, "dim"))
    films.fetch(plan.cache)
    catalogue = [msgspec.convert(film.message(), Item) for film in films.films(plan.cache)]
    ratings = films.ratings(plan.cache)
    out.print("Starting broker, store, worker and API (`penchant local`) …")
    with running(_TIME_LAPSE) as system, connected(system.brokers, system.topics) as client:
        show = DemoPrinter(out, {item.item_id: item for item in catalogue})
        _publish(out, system, client, catalogue)
        out.print(f"Look at it while it goes on: {system.where.api}/")
        replay, ahead = _replayed(client, show, ratings)
        played = _replay(out, show, replay, ahead, ratings, plan.seconds)
        if plan.sent:
            plan.sent.write_bytes(gzip.compress(msgspec.json.Encoder().encode_lines(played.ratings), mtime=0))
        told = [_tell(show, client, text) for text in _STATEMENTS]
        dead, memory = system.dead_letters(), system.memory()
        summary = summarise(played, len(ratings), dead, memory, (told, _scene(out, system.where.prefix)))
        out.print(summary.table())
        _what_next(out, system, replay, ahead, plan)
    return summary


def _publish(out: Console, system: RunningSystem, client: DemoClient, catalogue: Sequence[Item]) -> None:
    """Send the items and wait until each has its vector."""
    for item in catalogue:
        client.send(client.topics.items, item.item_id, item)
    with _progress(out) as progress:
        task = progress.add_task("", total=len(catalogue))

        def show(count: int) -> None:
            progress.update(task, completed=count, description=f"{count:,} of {len(catalogue):,} items embedded")

        system.until_embedded(len(catalogue), show)


def _replayed(client: DemoClient, show: DemoPrinter, ratings: Sequence[Rating]) -> tuple[RatingReplay, LookAhead]:
    """A replay, and what it is to send: the last of the ratings falls on now."""
    moved_s = int(time.time()) - ratings[-1].time_s
    rows = {item_id: row for row, item_id in enumerate(show.items)}
    return RatingReplay(client, rows, moved_s), LookAhead(ratings)


def _replay(
    out: Console, show: DemoPrinter, replay: RatingReplay, ahead: LookAhead, ratings: Sequence[Rating], seconds: float
) -> ReplayResult:
    began = time.monotonic()
    with _progress(out) as progress:
        task = progress.add_task("", total=seconds)

        def show_sent(sent: int) -> None:
            done_s = seconds if sent == len(ratings) else min(time.monotonic() - began, seconds)
            progress.update(task, completed=done_s, description=f"{sent:,} of {len(ratings):,} ratings replayed")

        played = replay.run(ahead, seconds, show_sent)
    counts = Counter(rating.user_id for rating in ratings[:_EARLY])
    for user, _ in counts.most_common(_CHOSEN):
        if user in played.first_lists:
            first, last = played.first_lists[user], replay.client.newest[user]
            show.side_by_side(user, ("after the first rating", first), ("after the last one replayed", last))
    return played


def _tell(show: DemoPrinter, client: DemoClient, text: str) -> StatementAnswer:
    """Say something as the newcomer, and show the list that answers."""
    event_id = f"s-{time.time_ns()}"
    message = {"event_id": event_id, "user_id": _NEWCOMER, "text": text}
    sent_at = client.send(client.topics.reviews, _NEWCOMER, message)
    answer = client.until_named(event_id)
    milliseconds = (answer.at_s - sent_at) * 1000
    show.answer(text, answer.made, milliseconds)
    return StatementAnswer(text, round(milliseconds, 1), answer.made.items)


def _scene(out: Console, prefix: str) -> list[StatementAnswer]:
    """The same statement before a Chinese catalogue, in a system of its own: catalogues on one prefix would mix."""
    out.print("A second system, with a small Chinese catalogue …")
    items = scene()
    with (
        running({"PENCHANT_LANGUAGE": "zh", "PENCHANT_PREFIX": f"{prefix}-zh"}) as system,
        connected(system.brokers, system.topics) as client,
    ):
        _publish(out, system, client, items)
        return [_tell(DemoPrinter(out, {item.item_id: item for item in items}), client, _SCENE_STATEMENT)]


def _progress(out: Console) -> Progress:
    """A bar on a terminal, its last line elsewhere."""
    return Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), console=out)


def _what_next(out: Console, system: RunningSystem, replay: RatingReplay, ahead: LookAhead, plan: DemoPlan) -> None:
    where = system.where
    page = f"{where.api}/#/users/{_NEWCOMER}"
    if not plan.keep:
        out.print(
            "Next: `DEMO_KEEP=1 make demo` stays up; `penchant local` starts an empty system; docs/demo.md tells more."
        )
        out.print(f"The page was at {page}")
        return
    out.print(f"Still up, and the replay goes on, {_KEPT_PER_S} ratings a second; Ctrl-C ends it. In another terminal:")
    out.print(f"  export PENCHANT_BOOTSTRAP={where.bootstrap} PENCHANT_REDIS={where.redis}")
    out.print(f"  penchant watch {_NEWCOMER}")
    out.print(f"The page: {page}")
    try:
        replay.go_on(ahead, _KEPT_PER_S, lambda: system.process.exit_code is None)
    except KeyboardInterrupt:
        out.print("Stopping.")
