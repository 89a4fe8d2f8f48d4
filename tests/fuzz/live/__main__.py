"""Sends fuzzed records through a running worker, by foreign clients too, and looks what becomes of them.

    python -m tests.fuzz.live --inputs 20000
    python -m tests.fuzz.live --kafka --inputs 100000 --rate 400

Exits with 1 if the worker ended, if a bystander waited for a list beyond the bound, if a record was lost, if one
became a dead letter for a fault of ours (`internal`, `quarantined`), or if memory grew beyond the bound.
"""

import argparse
import json
import logging
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.performance.apache_kafka import ApacheKafka
from deploy.local.services import start_broker, start_store
from penchant.errors import RejectReason
from tests.conftest import Broker
from tests.fuzz.harness import ROOT
from tests.fuzz.live.bystanders import Bystanders
from tests.fuzz.live.inputs import records
from tests.fuzz.live.ledger import Ledger
from tests.fuzz.live.senders import Sent, senders
from tests.support.command import penchant
from tests.support.system import System, WorkerProcess, running

QUIET_S = 10.0  # at first, without anything fuzzed: how long lists usually take
WAIT_MS = 5000.0  # of a bystander's click, or `TIMES` the usual: an encoder that is slower than that counts as hung
TIMES = 10.0
GROWN_MIB = 400.0
SETTLE_S = 60.0
UNPACKED_BYTES = 500_000  # a larger one would have the broker refuse the whole batch that it lies in
FAULTS = (RejectReason.INTERNAL.value, RejectReason.QUARANTINED.value)
ITEMS = [{"item_id": f"i{n}", "title": title} for n, title in enumerate(("Space", "War", "Love", "Food"))]


@dataclass(slots=True)
class RunResult:
    """What a run came to. `wrong`: what was promised and is not so, in words; empty if all is well."""

    broker: str
    seconds: float = 0.0
    sent: int = 0
    refused_by_broker: dict[str, int] = field(default_factory=dict)
    became: dict[str, int] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    bystanders: int = 0
    usual_ms: dict[str, float] = field(default_factory=dict)
    meanwhile_ms: dict[str, float] = field(default_factory=dict)
    memory_mib: list[float] = field(default_factory=list)
    lag: str = ""
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    """Run what the arguments say. Returns the exit code."""
    parser = argparse.ArgumentParser("python -m tests.fuzz.live", description=__doc__.splitlines()[0])
    parser.add_argument("--kafka", action="store_true", help="on Apache Kafka (Java 17, Maven) instead of the embedded")
    parser.add_argument("--inputs", type=int, default=20_000, help="records (20000)")
    parser.add_argument("--seconds", type=int, default=3600, help="at most")
    parser.add_argument("--rate", type=int, default=200, help="records a second (200)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="of the inputs (another each time)")
    parser.add_argument("--findings", type=Path, default=ROOT / ".cache" / "fuzz" / "live", help="where they are kept")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr)
    logging.disable(logging.WARNING)  # the ledger's reader names everything that it leaves out
    with tempfile.TemporaryDirectory(prefix="fuzz-live-") as folder, system(Path(folder), kafka=options.kafka) as made:
        result = LiveRun(made, options).go()
    if options.json:
        print(json.dumps(asdict(result)))
    else:
        Console().print(table(result))
    return int(bool(result.wrong))


@contextmanager
def system(folder: Path, *, kafka: bool) -> Iterator[System]:
    """Broker, store and topics, without a worker."""
    store = start_store(folder)
    broker: Broker
    if kafka:
        apache = ApacheKafka(folder)
        apache.start()
        broker, stop = apache, apache.stop
    else:
        embedded = start_broker(folder)
        broker, stop = embedded, embedded.stop
    try:
        with running(broker, store.url, f"fuzz-{secrets.token_hex(3)}", folder) as made:
            yield made
    finally:
        stop()
        store.stop()


class LiveRun:
    """One run from the start of the worker to the account."""

    def __init__(self, made: System, options: argparse.Namespace) -> None:
        self._system = made
        self._options = options
        self._outcome = RunResult("Apache Kafka" if options.kafka else "embedded")
        self._ledger = Ledger(made.bootstrap, made.topics, made.partitions)
        self._bystanders = Bystanders(made, [item["item_id"] for item in ITEMS])

    def go(self) -> RunResult:
        """Start, be quiet, fuzz, wait, account."""
        began, result = time.monotonic(), self._outcome
        worker = self._system.start_ready(PENCHANT_FETCH_WAIT_MS="50" if self._options.kafka else "0")
        self._system.publish(ITEMS)
        self._watch(time.monotonic() + QUIET_S, worker)
        usual = list(self._bystanders.sent_s)
        memory = [_memory_mib(worker)]
        sent = self._fuzz(worker)
        memory.append(_memory_mib(worker))
        meanwhile = [each for each in self._bystanders.sent_s if each not in set(usual)]
        self._settle(worker, sent)
        result.memory_mib = [*memory, _memory_mib(worker)]
        result.usual_ms = _quantiles(self._bystanders.waits_ms(self._ledger.event_seen_s, usual))
        result.meanwhile_ms = _quantiles(self._bystanders.waits_ms(self._ledger.event_seen_s, meanwhile))
        result.bystanders = len(self._bystanders.sent_s)
        self._account(sent)
        self._judge(worker)
        result.seconds = time.monotonic() - began
        self._ledger.close()
        return result

    def _watch(self, until_s: float, worker: WorkerProcess) -> None:
        while time.monotonic() < until_s and worker.child.exit_code is None:
            self._bystanders.look()
            self._ledger.read()

    def _fuzz(self, worker: WorkerProcess) -> Sent:
        options, sent = self._options, Sent()
        producers, made = senders(self._system.bootstrap, sent), records(self._system.topics, options.seed)
        packing = [each for each in producers if each.packs]
        began, n = time.monotonic(), 0
        ends = began + options.seconds
        while n < options.inputs and time.monotonic() < ends and worker.child.exit_code is None:
            due = min(int((time.monotonic() - began) * options.rate) + 1, options.inputs)
            for _ in range(due - n):
                record = next(made)
                some = packing if len(record.value or b"") > UNPACKED_BYTES else producers
                some[n // 20 % len(some)].send(record)  # a few in a row, so that there is something to pack
                n += 1
            self._watch(time.monotonic() + 0.02, worker)
        for each in producers:
            each.finish()
        return sent

    def _settle(self, worker: WorkerProcess, sent: Sent) -> None:
        """Until it is known of every record what became of it, or nothing changes any more.

        Impressions and duplicates are named by the next list, so everybody who has some clicks once more.
        """
        ends = time.monotonic() + SETTLE_S
        while time.monotonic() < ends and worker.child.exit_code is None:
            self._watch(time.monotonic() + 2.0, worker)
            left = self._ledger.account(sent.places).left
            if not left and set(self._bystanders.sent_s) <= set(self._ledger.event_seen_s):
                return
            for user in self._ledger.users(left):
                self._system.click(user, "i1")

    def _account(self, sent: Sent) -> None:
        result, account = self._outcome, self._ledger.account(sent.places)
        result.sent, result.refused_by_broker = len(sent.places), dict(sent.refused)
        result.became = dict(account.counts.most_common())
        result.dead_letters = dict(self._ledger.reasons().most_common())
        result.lost = len(account.left)
        folder = self._options.findings
        folder.mkdir(parents=True, exist_ok=True)
        lost = [(place, self._ledger.inputs.get(place)) for place in account.left]
        (folder / "lost").write_text("\n".join(map(repr, lost)), "utf-8", "backslashreplace")
        ours = [each for each in self._ledger.dead_letters if _reason(each) in FAULTS]
        (folder / "internal").write_text("\n".join(map(repr, ours)), "utf-8", "backslashreplace")

    def _judge(self, worker: WorkerProcess) -> None:
        result, wrong = self._outcome, self._outcome.wrong
        if worker.child.exit_code is not None:
            wrong.append(f"the worker ended with {worker.child.exit_code}:\n{worker.child.last_lines()}")
            return
        lag = self._lag()
        result.lag = lag["found"]
        if not lag["ok"]:
            wrong.append(f"lag at the end: {result.lag}")
        ignored = round(worker.metric("penchant_ignored_events_total"))
        more = result.lost - ignored - self._ledger.named_more
        if more > 0:
            wrong.append(f"{more} records are neither named nor dead letters (see {self._options.findings}/lost)")
        wrong += [f"{result.dead_letters[each]} dead letters: {each}" for each in FAULTS if each in result.dead_letters]
        bound_ms = max(WAIT_MS, TIMES * result.usual_ms["p99"])
        if not result.meanwhile_ms["max"] <= bound_ms:
            wrong.append(
                f"a bystander waited {result.meanwhile_ms['max']:.0f} ms for a list; {bound_ms:.0f} is the most"
            )
        if result.memory_mib[-1] - result.memory_mib[0] > GROWN_MIB:
            wrong.append(f"the worker's memory grew by more than {GROWN_MIB:.0f} MiB")

    def _lag(self) -> Any:
        """What `penchant doctor` says of it, if nothing may be left."""
        where = self._system
        options = ("--bootstrap", where.bootstrap, "--redis", where.redis_url, "--prefix", where.topics.prefix)
        return penchant("doctor", "--json", "--max-lag", "0", *options).json["lag"]


def _memory_mib(worker: WorkerProcess) -> float:
    try:
        return psutil.Process(worker.child.pid).memory_info().rss / 2**20
    except psutil.Error:
        return 0.0


def _quantiles(waits_ms: list[float]) -> dict[str, float]:
    at = (50, 99, 100)
    return dict(zip(("p50", "p99", "max"), np.percentile(waits_ms, at, method="higher").tolist(), strict=True))


def _reason(dead_letter: Any) -> str:
    return str(dict(dead_letter.headers).get("penchant.error", b"").decode())


def table(result: RunResult) -> Table:
    """Every figure with its name."""
    made = Table("what", "figure")
    made.add_row("broker", result.broker)
    made.add_row("seconds", f"{result.seconds:.0f}")
    made.add_row("records sent", f"{result.sent:,}")
    tables = {
        "more, refused by the broker": result.refused_by_broker,
        "became": result.became,
        "dead letters": result.dead_letters,
    }
    for name, figures in tables.items():
        made.add_row(name, "\n".join(f"{count:>8,}  {each}" for each, count in figures.items()))
    made.add_row("bystanders' clicks", f"{result.bystanders:,}")
    for name, waits in (("lists usually, ms", result.usual_ms), ("lists meanwhile, ms", result.meanwhile_ms)):
        made.add_row(name, ", ".join(f"{each} {value:.0f}" for each, value in waits.items()))
    made.add_row("worker's memory, MiB", " → ".join(f"{each:.0f}" for each in result.memory_mib))
    made.add_row("lag at the end", result.lag)
    made.add_row("wrong", "\n".join(result.wrong) or "nothing")
    return made


if __name__ == "__main__":
    sys.exit(main())
