"""Runs faults one after the other and says what came of each."""

import secrets
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.performance.apache_kafka import ApacheKafka, SecuredListeners
from deploy.local.services import free_port, start_broker
from penchant.topics import Topics
from serving.kafka.admin import open_admin
from serving.model.encoder import load_encoder
from stream.events.weights import load_weights
from tests.faults.redis_server import Redis
from tests.faults.scenario import PARTITIONS, Environment, Skipped, Unexpected, open_scenario
from tests.faults.table import FaultKind
from tests.support.small_model import write_small_model
from tests.support.system import MODEL, now_ms
from tests.support.tcp_proxy import WELL, TcpProxy

Planned = tuple[FaultKind, str, int]  # on which broker, by which seed
_PROXIED = "PROXIED"
_PROTOCOLS = f"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{_PROXIED}:PLAINTEXT\n"


@dataclass(frozen=True)
class FaultRun:
    """One run. `failure`: why it proves nothing, or what was found, in words; empty if all is well.

    measured: what the kind tells beside the counts. skipped: why it was not run.
    """

    kind: str
    broker: str
    seed: int
    messages: int
    recovery_s: float
    seconds: float
    lost: int
    twice: int
    failure: str
    measured: Mapping[str, float | str] = field(default_factory=dict)
    skipped: str = ""

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


@contextmanager
def open_environment(folder: Path, model: str = MODEL, *, full: bool = False) -> Iterator[Environment]:
    """Apache Kafka, Redis, the oracle's encoder; all stopped at the end."""
    with ExitStack() as stack:
        port = free_port()
        to_broker = TcpProxy(port)
        stack.callback(to_broker.close)
        listeners = SecuredListeners({_PROXIED: port}, _PROTOCOLS, advertised={_PROXIED: to_broker.port})
        apache = ApacheKafka(_folder(folder, "kafka"), listeners)
        stack.callback(apache.stop)
        apache.start()
        store = Redis(_folder(folder, "redis"))
        stack.callback(store.stop)
        to_store = TcpProxy(store.port)
        stack.callback(to_store.close)
        encoder = load_encoder(model, threads=1)
        yield Environment(apache, store, model, encoder, load_weights(), folder, full, to_broker, to_store)


def all_runs(kinds: Mapping[FaultKind, int], folder: Path, seed: int, *, full: bool, jobs: int = 1) -> list[FaultRun]:
    """Run kinds, each so often, `jobs` runs side by side, each of these with a broker and a store of its own.

    With a progress bar on a terminal.
    """
    planned = deque(_plan(kinds, seed, full=full))
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("faults", total=len(planned))

        def done(one: FaultRun) -> None:
            console.print(_line(one), style="red" if one.failure else None, markup=False, highlight=False)
            progress.advance(task)

        def work(number: int) -> list[FaultRun]:
            where = _folder(folder, f"environment-{number}")
            return _in_one_environment(where, planned, done, full=full)

        # A thread starts its environment and its workers itself: they end with the thread that started them.
        with ThreadPoolExecutor(jobs) as pool:
            return [run for runs in list(pool.map(work, range(jobs))) for run in runs]


def _in_one_environment(
    folder: Path, planned: "deque[Planned]", done: Callable[[FaultRun], None], *, full: bool
) -> list[FaultRun]:
    """Take what is planned until nothing is left."""
    runs: list[FaultRun] = []
    # What a text means matters to no fault; in CI a worker that starts again is to have its model loaded at once.
    model = MODEL if full else str(write_small_model(folder / "model"))
    with ExitStack() as stack:
        environments = {"Kafka": stack.enter_context(open_environment(folder, model, full=full))}
        while planned:
            with suppress(IndexError):  # another thread has taken the last one
                kind, broker, seed = planned.popleft()
                if broker not in environments:
                    other = start_broker(_folder(folder, "embedded"))
                    stack.callback(other.stop)
                    environments[broker] = replace(environments["Kafka"], broker=other)
                runs.append(run(kind, environments[broker], broker, seed))
                done(runs[-1])
    return runs


def run(kind: FaultKind, where: Environment, broker: str, seed: int) -> FaultRun:
    """Set up, break, wait, checker, clear away. Whatever the product does, the table goes on."""
    began, failure, lost, twice, recovery_s = time.monotonic(), "", 0, 0, 0.0
    load, measured, skipped = kind.make(seed, now_ms()), dict[str, float | str](), ""
    prefix = f"{kind.name}-{seed}-{secrets.token_hex(3)}"
    try:
        with open_scenario(where, prefix, _folder(where.folder, prefix), load, Random(seed)) as scenario:
            measured = scenario.measured
            kind.act(scenario)
            recovery_s, found = scenario.recovered()
            lost, twice, failure = found.lost, found.twice, "\n".join(found.words)
            if failure:
                failure += f"\n{scenario.last_lines()}"
    except Skipped as error:
        skipped = str(error)
    except Unexpected as error:
        failure = str(error)
    except Exception:  # noqa: BLE001 - of whatever a broken system does to a run
        failure = traceback.format_exc()
    _clear(where, prefix)
    return FaultRun(
        kind=kind.name,
        broker=broker,
        seed=seed,
        messages=len(load.messages),
        recovery_s=round(recovery_s, 2),
        seconds=round(time.monotonic() - began, 1),
        lost=lost,
        twice=twice,
        failure=failure,
        measured=measured,
        skipped=skipped,
    )


def _plan(kinds: Mapping[FaultKind, int], seed: int, *, full: bool) -> Iterator[Planned]:
    for kind, count in kinds.items():
        yield from ((kind, "Kafka", seed + number) for number in range(count))
        if full:
            yield from ((kind, "embedded", seed + number) for number in range(kind.embedded))


def _line(run: FaultRun) -> str:
    if run.skipped:
        return f"{run.kind} (seed {run.seed}, {run.broker}): skipped, {run.skipped}"
    words = f"{run.kind} (seed {run.seed}, {run.broker}): {run.seconds:.0f} s, of which to recover {run.recovery_s:.1f}"
    words += "".join(f"; {name} {value}" for name, value in run.measured.items())
    if not run.failure:
        return words
    return f"{words}; {run.lost} lost, {run.twice} counted twice\n{run.failure}"


def _clear(where: Environment, prefix: str) -> None:
    """Remove a run's topics and keys, so that hundreds of partitions do not slow the next one; links are well again."""
    where.to_broker.behave(WELL)
    where.to_store.behave(WELL)
    with open_admin(where.broker.bootstrap) as admin:
        names = {plan.name for plan in Topics(prefix).plan(PARTITIONS)} & set(admin.list_topics())
        admin.delete_topics(sorted(names))
    where.redis.empty()


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
