"""Runs faults one after the other and says what came of each."""

import secrets
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.services import start_broker
from serving.broker import open_admin
from serving.encoder import load_encoder
from serving.topics import Topics
from stream.weights import load_weights
from tests.faults.services import Redis
from tests.faults.stage import PARTITIONS, House, Unexpected, staged
from tests.faults.table import Kind
from tests.support.kafka import ApacheKafka
from tests.support.system import MODEL, now_ms


@dataclass(frozen=True)
class Run:
    """One run. `failure`: why it proves nothing, or what was found, in words; empty if all is well."""

    kind: str
    broker: str
    seed: int
    messages: int
    recovery_s: float
    seconds: float
    lost: int
    twice: int
    failure: str

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


@contextmanager
def house(folder: Path, *, full: bool = False) -> Iterator[House]:
    """Apache Kafka, Redis, the oracle's encoder; all stopped at the end."""
    with ExitStack() as stack:
        apache = ApacheKafka(_folder(folder, "kafka"))
        stack.callback(apache.stop)
        apache.start()
        store = Redis(_folder(folder, "redis"))
        stack.callback(store.stop)
        yield House(apache, store, load_encoder(MODEL, threads=1), load_weights(), folder, full)


def all_runs(kinds: Mapping[Kind, int], folder: Path, seed: int, *, full: bool) -> list[Run]:
    """Run kinds, each so often, on one broker and one store of their own, with a progress bar on a terminal."""
    runs: list[Run] = []
    with ExitStack() as stack:
        on_kafka = embedded = stack.enter_context(house(folder, full=full))
        if full and any(kind.embedded for kind in kinds):
            other = start_broker(_folder(folder, "embedded"))
            stack.callback(other.stop)
            embedded = replace(on_kafka, broker=other)
        planned = list(_plan(kinds, full=full))
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        progress = stack.enter_context(Progress(*columns, console=console, disable=not console.is_terminal))
        task = progress.add_task("faults", total=len(planned))
        for kind, broker, number in planned:
            progress.update(task, description=f"{kind.title} ({broker})")
            runs.append(run(kind, on_kafka if broker == "Kafka" else embedded, broker, seed + number))
            console.print(_line(runs[-1]), style="red" if runs[-1].failure else None, markup=False, highlight=False)
            progress.advance(task)
    return runs


def run(kind: Kind, where: House, broker: str, seed: int) -> Run:
    """Set up, break, wait, judge, clear away. Whatever the product does, the table goes on."""
    began, failure, lost, twice, recovery_s = time.monotonic(), "", 0, 0, 0.0
    load = kind.make(seed, now_ms())
    prefix = f"{kind.name}-{seed}-{secrets.token_hex(3)}"
    try:
        with staged(where, prefix, _folder(where.folder, prefix), load, Random(seed)) as stage:
            kind.act(stage)
            recovery_s, found = stage.recovered()
            lost, twice, failure = found.lost, found.twice, "\n".join(found.words)
            if failure:
                failure += f"\n{stage.last_lines()}"
    except Unexpected as error:
        failure = str(error)
    except Exception:  # noqa: BLE001 - of whatever a broken system does to a run
        failure = traceback.format_exc()
    _clear(where, prefix)
    return Run(
        kind=kind.name,
        broker=broker,
        seed=seed,
        messages=len(load.messages),
        recovery_s=round(recovery_s, 2),
        seconds=round(time.monotonic() - began, 1),
        lost=lost,
        twice=twice,
        failure=failure,
    )


def _plan(kinds: Mapping[Kind, int], *, full: bool) -> Iterator[tuple[Kind, str, int]]:
    for kind, count in kinds.items():
        yield from ((kind, "Kafka", number) for number in range(count))
        if full:
            yield from ((kind, "embedded", number) for number in range(kind.embedded))


def _line(run: Run) -> str:
    words = f"{run.kind} (seed {run.seed}, {run.broker}): {run.seconds:.0f} s, of which to recover {run.recovery_s:.1f}"
    if not run.failure:
        return words
    return f"{words}; {run.lost} lost, {run.twice} counted twice\n{run.failure}"


def _clear(where: House, prefix: str) -> None:
    """Remove a run's topics and keys, so that hundreds of partitions do not slow the next one."""
    with open_admin(where.broker.bootstrap) as admin:
        names = {plan.name for plan in Topics(prefix).plan(PARTITIONS)} & set(admin.list_topics())
        admin.delete_topics(sorted(names))
    where.redis.empty()


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
