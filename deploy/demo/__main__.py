"""`python -m deploy.demo`, which `make demo` runs: `penchant demo` with files for the summary and the ratings."""

import sys
from pathlib import Path

import click
import msgspec

from deploy.demo.run import CACHE, DemoPlan, run_demo
from penchant.errors import PenchantError
from serving.terminal.printable import tolerant_streams
from serving.terminal.printing import complain


@click.command()
@click.option("--seconds", type=click.FloatRange(1, 3600), default=60.0, envvar="SECONDS", show_default=True)
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE, help="Where the wheels lie.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the summary there too.")
@click.option(
    "--sent", "sent_file", type=click.Path(path_type=Path), help="Write the ratings as they were sent, gzip'd."
)
@click.option("--keep", is_flag=True, envvar="DEMO_KEEP", help="Stay up afterwards, until Ctrl-C.")
def main(seconds: float, cache: Path, json_file: Path | None, sent_file: Path | None, keep: bool) -> None:
    """Replay MovieLens-100K through Penchant for SECONDS, show lists and figures, and end."""
    tolerant_streams()
    try:
        summary = run_demo(DemoPlan(seconds, cache, sent_file, keep))
    except PenchantError as error:
        complain(f"demo: {error}")
        sys.exit(error.exit_code)
    if json_file:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(summary)))


if __name__ == "__main__":
    main()
