"""`python -m tests.faults`: break the running system in every way of the table, and count what is lost or doubled."""

import argparse
import json
import logging
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python, at import, on Python 3.11
    from tests.faults.report import last_line, print_table
    from tests.faults.runs import all_runs, open_environment
    from tests.faults.steady import print_steady, steady
    from tests.faults.table import KINDS

from penchant.errors import PenchantError

STEADY = "steady"


def arguments() -> argparse.Namespace:
    """What was asked for."""
    names = [*(kind.name for kind in KINDS), STEADY]
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", choices=["ci", "full"], default="ci", help="how many of each kind (default: ci)")
    parser.add_argument("--kind", nargs="+", metavar="NAME", choices=names, help=f"only these of: {', '.join(names)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures there")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep what the processes wrote in a new folder")
    parser.add_argument("--seed", type=int, default=1, help="of a kind's first run; the others count on (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs side by side (default: 2)")
    parser.add_argument("--rate", type=float, default=200.0, help="of the steady load, events/s (default: 200)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the steady load (default: 10)")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for. Returns 0 if nothing was lost or counted twice, and every fault did happen."""
    options = arguments()
    logging.getLogger("serving.kafka").setLevel(logging.ERROR)  # what the watcher cannot read, some faults put there
    try:
        with TemporaryDirectory(prefix="penchant-faults-") as temporary:
            folder = options.logs or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            return keep_steady(options, folder) if options.kind == [STEADY] else break_all(options, folder)
    except PenchantError as error:
        print(f"faults: {error}", file=sys.stderr)
        return error.exit_code


def break_all(options: argparse.Namespace, folder: Path) -> int:
    """The table."""
    full = options.runs == "full"
    wanted = [kind for kind in KINDS if options.kind is None or kind.name in options.kind]
    at_least = 0 if options.kind is None else 1
    kinds = {kind: max(at_least, kind.full if full else kind.ci) for kind in wanted}
    runs = all_runs(kinds, folder, options.seed, full=full, jobs=options.jobs)
    write(options.json, [run.as_json() for run in runs])
    runs = [run for run in runs if not run.skipped]
    print_table(runs)
    failed = [run for run in runs if run.failure]
    for run in failed:
        print(f"--kind {run.kind} --seed {run.seed} ({run.broker}): {run.failure.splitlines()[0]}")
    print(last_line(runs))
    return 1 if failed else 0


def keep_steady(options: argparse.Namespace, folder: Path) -> int:
    """The steady load, by itself."""
    with open_environment(folder) as where:
        seen = steady(where, "steady", options.rate, options.minutes)
    print_steady(seen)
    write(options.json, seen.as_json())
    print(seen.last_line())
    return 0 if seen.flat and not seen.lost else 1


def write(path: Path | None, value: object) -> None:
    """Write JSON, if a file was named."""
    if path is not None:
        path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
