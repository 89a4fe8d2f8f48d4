"""The command `penchant`."""

import sys

import click
from pydantic import ValidationError

from deploy.commands.api import api
from deploy.commands.dlq import dlq
from deploy.commands.doctor import doctor
from deploy.commands.erase import erase
from deploy.commands.experiment import experiment
from deploy.commands.explain import explain
from deploy.commands.export import export
from deploy.commands.local import local
from deploy.commands.produce import produce
from deploy.commands.replay import replay
from deploy.commands.schemas import schemas
from deploy.commands.statistics import statistics
from deploy.commands.topics import topics
from deploy.commands.tune import tune
from deploy.commands.watch import watch
from deploy.commands.worker import worker
from deploy.options import examples
from serving.connections import problems
from serving.errors import Misconfigured, PenchantError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples("penchant local", "penchant produce items.jsonl", "penchant watch u1"),
)
@click.version_option(package_name="penchant")
def cli() -> None:
    """Keep what every user is inclined to, right now: events in through Kafka, refreshed lists out."""


for command in (
    local,
    worker,
    api,
    topics,
    produce,
    watch,
    explain,
    experiment,
    erase,
    dlq,
    replay,
    statistics,
    doctor,
    export,
    tune,
    schemas,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; an error of ours is said in one line, with its own exit code."""
    try:
        cli()
    except ValidationError as error:
        _fail(problems(error), Misconfigured.exit_code)
    except PenchantError as error:
        _fail(str(error), error.exit_code)


def _fail(words: str, exit_code: int) -> None:
    click.echo(f"penchant: {words}", err=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
