"""`python -m tests.faults`: break the running system in every way of the table, and count what is lost or doubled."""

import argparse
import json
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python, at import, on Python 3.11
    from tests.faults.report import last_line, print_table
    from tests.faults.runs import all_runs
    from tests.faults.table import KINDS

from serving.errors import PenchantError


def arguments() -> argparse.Namespace:
    """What was asked for."""
    names = [kind.name for kind in KINDS]
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", choices=["ci", "full"], default="ci", help="how many of each kind (default: ci)")
    parser.add_argument("--kind", nargs="+", metavar="NAME", choices=names, help=f"only these of: {', '.join(names)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures there")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep what the processes wrote in a new folder")
    parser.add_argument("--seed", type=int, default=1, help="of a kind's first run; the others count on (default: 1)")
    return parser.parse_args()


def main() -> int:
    """Run the table. Returns 0 if nothing was lost or counted twice, and every fault did happen."""
    options = arguments()
    full = options.runs == "full"
    wanted = [kind for kind in KINDS if options.kind is None or kind.name in options.kind]
    at_least = 0 if options.kind is None else 1
    kinds = {kind: max(at_least, kind.full if full else kind.ci) for kind in wanted}
    try:
        with TemporaryDirectory(prefix="penchant-faults-") as folder:
            kept = options.logs or Path(folder)
            kept.mkdir(parents=True, exist_ok=True)
            runs = all_runs(kinds, kept, options.seed, full=full)
    except PenchantError as error:
        print(f"faults: {error}", file=sys.stderr)
        return error.exit_code
    print_table(runs)
    if options.json is not None:
        options.json.write_text(json.dumps([run.as_json() for run in runs], indent=1) + "\n", encoding="utf-8")
    failed = [run for run in runs if run.failure]
    for run in failed:
        print(f"--kind {run.kind} --seed {run.seed} ({run.broker}): {run.failure.splitlines()[0]}")
    print(last_line(runs))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
