"""`penchant doctor`: is everything there, and does it keep up."""

import sys

import click

from deploy.options import connection_options, examples, json_option
from serving.terminal.printing import print_json


@click.command(epilog=examples("penchant doctor --json"))
@click.option(
    "--max-lag", type=click.IntRange(0), default=1000, show_default=True, help="Events behind that are still well."
)
@json_option
@connection_options
def doctor(max_lag: int, as_json: bool) -> None:
    """Check broker, store, model, topics, items, vectors, lag, retention and dead letters; say what to do.

    Ends with 1 if anything is wrong. Reads the item topics and the dead letters from their start: about 10 s for
    100,000 items. Retention is compared with this shell's PENCHANT_INPUT_RETENTION_DAYS, which should be the workers'.
    """
    from deploy.doctor.checks import run_checks
    from deploy.tables import print_checks
    from serving.connections import Connections

    checks = run_checks(Connections(), max_lag)
    if as_json:
        print_json(checks)
    else:
        print_checks(checks)
    if not all(check["ok"] for check in checks.values()):
        sys.exit(1)
