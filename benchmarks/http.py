"""`python -m benchmarks.http`: how long a list takes over HTTP, in an open loop, with a worker and events beside.

    python -m benchmarks.http --rate 1000 --seconds 60 --json http.json

`penchant local` runs as people start it, over a made catalogue; users have lists from events of theirs. Requests are
due at random times and their times count from then; those that fail, or are not answered in 10 s, are errors.
"""

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit

import click
import msgspec
import numpy as np

from benchmarks import machine
from benchmarks.http_load import Load, Outcome
from benchmarks.performance.load.workload import item_id
from benchmarks.performance.options import Bar, json_option, run_command
from benchmarks.performance.systems.local_system import MeasuredSystem, SystemOptions, running_system
from penchant import Click, EventProducer
from penchant.errors import Unavailable
from serving.terminal.printing import say

BIAS = "Bias: broker, store, worker, API, the events' sender and the load generator share one machine's cores."
_READY_S = 120.0
_BEYOND_S = 60.0  # the generator's own time beside what it measures


@click.command(epilog="Example: python -m benchmarks.http --rate 1000 --seconds 60 --json http.json")
@click.option("--rate", type=click.FloatRange(1), default=1000.0, show_default=True, help="Requests a second.")
@click.option("--seconds", type=click.FloatRange(0.5), default=30.0, show_default=True, help="Measured.")
@click.option("--warm-up", type=click.FloatRange(0), default=3.0, show_default=True, help="Seconds before.")
@click.option("--connections", type=click.IntRange(1, 1000), default=64, show_default=True)
@click.option("--events", type=click.FloatRange(0), default=100.0, show_default=True, help="A second, beside.")
@click.option("--users", type=click.IntRange(1), default=1000, show_default=True, help="Whose lists are read.")
@click.option("--items", type=click.IntRange(1), default=10_000, show_default=True, help="Of the made catalogue.")
@click.option("--k", type=click.IntRange(1, 1000), default=20, show_default=True, help="Items on a list.")
@click.option("--kafka", is_flag=True, help="Apache Kafka instead of the embedded broker (Java 17, Maven).")
@json_option
def main(file: Path | None, **wanted: Any) -> None:
    """Measure lists over HTTP, in an open loop."""
    run_command(lambda bar: measure(wanted, bar), _show, file)


def measure(wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    """Start the system, fill it, ask. Returns the figures."""
    told = {name: value for name, value in wanted.items() if name != "kafka"}
    about = {"machine": machine.describe(), **told, "broker": "Apache Kafka" if wanted["kafka"] else "embedded"}
    options = SystemOptions(items=wanted["items"], k=wanted["k"], kafka=wanted["kafka"])
    with running_system(options) as system:
        system.fill(lambda share: bar("items", share))
        paths = [f"/v1/users/{quote(_user(number), safe='')}/recommendations" for number in range(wanted["users"])]
        with EventProducer(system.where.bootstrap, system.where.prefix) as producer:
            _give_lists(system, producer, paths, bar)
            bar("requests", 0.0)
            before = system.cpu_s()
            with _events(producer, wanted):
                outcome = _asked(system, paths, wanted)
            cpu = {role: seconds - before[role] for role, seconds in system.cpu_s().items()}
        memory = system.memory_mib()["api"]
    return about | _figures(outcome, wanted, cpu) | {"api_mib": round(memory), "bias": BIAS}


def _user(number: int) -> str:
    return f"u{number}"


def _give_lists(system: MeasuredSystem, producer: EventProducer, paths: list[str], bar: Bar) -> None:
    """An event of each user, and its list, as the API answers it."""
    draw = Random(3)
    for number in range(len(paths)):
        item = item_id(draw.randrange(system.options.items))
        producer.send(Click(user_id=_user(number), item_id=item, type="click"))
    deadline = time.monotonic() + _READY_S
    for number, path in enumerate(paths):
        bar("lists", number / len(paths))
        while not _there(f"{system.where.api}{path}"):
            if time.monotonic() > deadline:
                raise Unavailable(f"no list of {_user(number)} after {_READY_S:.0f} s")
            time.sleep(0.05)


def _there(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the API on loopback
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        with error:
            return False


@contextmanager
def _events(producer: EventProducer, wanted: dict[str, Any]) -> Iterator[None]:
    """So many a second meanwhile, of the users whose lists are read."""
    stopped, draw = threading.Event(), Random(5)

    def send() -> None:
        while not stopped.wait(draw.expovariate(wanted["events"])):
            user, item = _user(draw.randrange(wanted["users"])), item_id(draw.randrange(wanted["items"]))
            producer.send(Click(user_id=user, item_id=item, type="click"))

    thread = threading.Thread(target=send)
    if wanted["events"]:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        if wanted["events"]:
            thread.join()


def _asked(system: MeasuredSystem, paths: list[str], wanted: dict[str, Any]) -> Outcome:
    address = urlsplit(system.where.api)
    load = Load(
        host=str(address.hostname),
        port=int(address.port or 80),
        paths=paths,
        rate=wanted["rate"],
        seconds=wanted["seconds"],
        warm_up=wanted["warm_up"],
        connections=wanted["connections"],
    )
    command = [sys.executable, "-m", "benchmarks.http_load", msgspec.json.encode(load).decode()]
    limit_s = wanted["seconds"] + wanted["warm_up"] + _BEYOND_S
    done = subprocess.run(command, capture_output=True, timeout=limit_s, check=False)
    if done.returncode:
        raise Unavailable(f"the load generator ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return msgspec.json.decode(done.stdout, type=Outcome)


def _figures(outcome: Outcome, wanted: dict[str, Any], cpu: dict[str, float]) -> dict[str, Any]:
    times, late = np.array(outcome.times_ms or [np.nan]), np.array(outcome.late_ms or [np.nan])
    answered = len(outcome.times_ms)
    return {
        "p50_ms": _rounded(np.percentile(times, 50)),
        "p90_ms": _rounded(np.percentile(times, 90)),
        "p99_ms": _rounded(np.percentile(times, 99)),
        "max_ms": _rounded(times.max()),
        "requests_per_s": round(answered / wanted["seconds"], 1),
        "requests": outcome.sent,
        "errors": outcome.errors,
        "kib": round(outcome.bytes / max(answered, 1) / 1024, 2),
        "generator": {
            "late_p50_ms": _rounded(np.percentile(late, 50)),
            "late_p99_ms": _rounded(np.percentile(late, 99)),
            "cores": round(outcome.cpu_s / outcome.seconds, 3),
        },
        "cores": {role: round(seconds / outcome.seconds, 3) for role, seconds in cpu.items()},
    }


def _rounded(value: Any) -> float:
    return round(float(value), 3)


def _show(figures: dict[str, Any]) -> None:
    told = {name: value for name, value in figures.items() if not isinstance(value, dict) and name != "bias"}
    told |= {f"{role}, cores": share for role, share in figures["cores"].items()}
    told |= {f"generator, {name}": value for name, value in figures["generator"].items()}
    for name, value in told.items():
        say(f"{name:26} {value}")
    say(figures["bias"])


if __name__ == "__main__":
    main()
