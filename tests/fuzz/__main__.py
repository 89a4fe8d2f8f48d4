"""Searches for inputs that a decoder does not withstand, by coverage: `make fuzz`, or some targets alone.

    python -m tests.fuzz --target events texts --inputs 1000000
    python -m tests.fuzz --replay .cache/fuzz/findings/texts/ValueError-texts-clean --target texts

Exits with 1 if anything was found. Fix a finding with its input kept: move the file to tests/fuzz/seeds/TARGET.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.fuzz.harness import ROOT, Harness
from tests.fuzz.kept import read_seed
from tests.fuzz.search import FuzzPlan, SearchResult, cores, search
from tests.fuzz.table import TABLE

_COLUMNS = ("target", "inputs", "inputs/s", "coverage", "peak MiB", "findings")


def main() -> int:
    """Run what the arguments say. Returns the exit code."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--target", nargs="+", choices=[*TABLE], default=[*TABLE], metavar="NAME", help=", ".join(TABLE)
    )
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all targets together (1000000)")
    parser.add_argument("--seconds", type=int, help="of each target at most")
    parser.add_argument("--jobs", type=int, default=cores(), help="targets at a time (as many as there are cores)")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "fuzz", help="for what is kept (.cache/fuzz)")
    parser.add_argument("--replay", type=Path, nargs="+", metavar="FILE", help="run these inputs only, of one target")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args()
    if options.replay:
        return replay(options.target[0], options.replay)
    plan = FuzzPlan(options.inputs, options.seconds, options.folder)
    results = search(options.target, plan, options.jobs, lambda result: print(_line(result), file=sys.stderr))
    if options.json:
        print(json.dumps([asdict(each) for each in results]))
    else:
        Console().print(table(results))
        print(summary(results))
    return int(any(each.findings for each in results))


def replay(name: str, paths: list[Path]) -> int:
    """Run single inputs again and say what comes of each."""
    harness = Harness(TABLE[name].make(), lambda finding: print(finding.words))
    for path in paths:
        harness(read_seed(path))
    print(f"{name}: {harness.inputs} inputs, {len(harness.found)} findings")
    return int(bool(harness.found))


def table(results: list[SearchResult]) -> Table:
    """One line a target, by name."""
    made = Table(*_COLUMNS)
    for column in made.columns[1:5]:
        column.justify = "right"
    for each in sorted(results, key=lambda each: each.target):
        numbers = (each.inputs, each.inputs_per_s, each.coverage, each.peak_mib)
        made.add_row(each.target, *(f"{number:,}" for number in numbers), "\n".join(each.findings) or "0")
    return made


def summary(results: list[SearchResult]) -> str:
    """The last line."""
    inputs, findings = sum(each.inputs for each in results), sum(len(each.findings) for each in results)
    return f"fuzz: {len(results)} targets, {inputs:,} inputs, {findings} findings"


def _line(result: SearchResult) -> str:
    return f"{result.target}: {result.inputs:,} inputs in {result.seconds:.0f} s, {len(result.findings)} findings"


if __name__ == "__main__":
    sys.exit(main())
