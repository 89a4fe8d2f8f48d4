"""Children that search targets, a few at a time, and what each came to."""

import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.kept import read_seed, seeds_of
from tests.fuzz.table import TABLE

HUNG_S = 30  # one input; libFuzzer then ends the process
MOST_MIB = 2048
_STATE = re.compile(rb"#(\d+)\s.*?cov: (\d+)")
_PEAK = re.compile(rb"stat::peak_rss_mb:\s+(\d+)")


@dataclass(frozen=True, slots=True)
class FuzzPlan:
    """inputs: of all targets, shared out by the table. seconds: of each target, at most; None: no limit.

    folder: where inputs that reach something new are kept between runs, and where findings go.
    """

    inputs: int
    seconds: int | None
    folder: Path


@dataclass(slots=True)
class SearchResult:
    """findings: kind -> the file that holds the smallest input. coverage: places of our code that were reached."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    coverage: int = 0
    peak_mib: int = 0
    exit_code: int = 0
    findings: dict[str, str] = field(default_factory=dict)

    @property
    def inputs_per_s(self) -> int:
        """Over the whole run, with the start of the process."""
        return round(self.inputs / self.seconds) if self.seconds else 0


def shared_out(inputs: int, targets: list[str]) -> dict[str, int]:
    """How many inputs each target gets, by the table's shares.

    >>> shared_out(100, ["state"])
    {'state': 100}
    """
    whole = sum(TABLE[name].share for name in targets)
    return {name: math.ceil(inputs * TABLE[name].share / whole) for name in targets}


def search(targets: list[str], plan: FuzzPlan, jobs: int, told: Callable[[SearchResult], None]) -> list[SearchResult]:
    """Search all targets, `jobs` at a time; `told` of each result when it stands."""
    shares = shared_out(plan.inputs, targets)

    def one(name: str) -> SearchResult:
        result = _search(name, shares[name], plan)
        told(result)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, sorted(targets, key=lambda name: -shares[name])))


def _search(name: str, inputs: int, plan: FuzzPlan) -> SearchResult:
    corpus, findings = plan.folder / "corpus" / name, plan.folder / "findings" / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for old in findings.iterdir():
        old.unlink()
    _fill(corpus, name)
    options = [f"-runs={inputs}", f"-timeout={HUNG_S}", f"-rss_limit_mb={MOST_MIB}", f"-artifact_prefix={findings}/"]
    options += ["-print_final_stats=1", "-verbosity=1", "-reload=0"]
    options += [f"-max_total_time={plan.seconds}"] if plan.seconds is not None else []
    command = [sys.executable, "-m", "tests.fuzz.child", name, str(findings), str(corpus), *options]
    began = time.monotonic()
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory(dir=_memory()) as scratch:
        environment = os.environ | {"TMPDIR": scratch}
        done = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, check=False)
        log.seek(0)
        said = log.read()
    result = SearchResult(name, seconds=time.monotonic() - began, exit_code=done.returncode)
    states = _STATE.findall(said)
    if states:
        result.inputs, result.coverage = int(states[-1][0]), int(states[-1][1])
    if peak := _PEAK.search(said):
        result.peak_mib = int(peak.group(1))
    result.findings = {path.name: str(path) for path in _inputs(findings)}
    if done.returncode and not result.findings:
        path = findings / "ended"
        path.write_bytes(said[-20_000:])
        result.findings = {f"ended with {done.returncode}": str(path)}
    return result


def _inputs(findings: Path) -> Iterator[Path]:
    return (path for path in sorted(findings.iterdir()) if path.suffix != ".words")


def _memory() -> str | None:
    """Where files take no disk, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _fill(corpus: Path, name: str) -> None:
    """What was found before is where a search begins, beside what it kept by itself."""
    for path in seeds_of(name):
        (corpus / f"seed-{path.name}").write_bytes(read_seed(path))


def cores() -> int:
    """How many processes may run at once here."""
    return len(os.sched_getaffinity(0))
