"""The command `penchant`."""

import errno
import io
import logging
import os
import sys
from contextlib import suppress

import click

from deploy.commands.api import api
from deploy.commands.demo import demo
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
from penchant.errors import PenchantError
from serving.terminal.printable import tolerant_streams
from serving.terminal.printing import ReaderGone, complain

_IO_ERROR = 74  # EX_IOERR of sysexits.h: what we say cannot be written
# A reader that left, a full disk, a terminal that is gone, a closed file.
_UNWRITTEN = frozenset({errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF})


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples("penchant local", "penchant produce items.jsonl", "penchant watch u1"),
)
@click.version_option(package_name="penchant")
def cli() -> None:
    """Keep what every user is inclined to, right now: events in through Kafka, refreshed lists out."""


for command in (
    local,
    demo,
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
    """Run the command line and end with its exit code; an error of ours is said in one line, with its own.

    Who reads our output may leave before its end (`| head`): then we end as well, quietly.
    """
    tolerant_streams()
    logging.getLogger("kafka").setLevel(logging.ERROR)  # its warnings are of its own loop; what fails we say
    code = 0
    try:
        code = _run()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except ReaderGone:
        _to_nowhere()
    except OSError as error:
        if error.errno not in _UNWRITTEN:
            raise
        if error.errno != errno.EPIPE:
            code = _IO_ERROR
            with suppress(OSError, ReaderGone):
                complain(f"penchant: cannot write: {error.strerror}")
        _to_nowhere()
    sys.exit(code)


def _run() -> int:
    try:
        ended: object = cli.main(standalone_mode=False)
        return ended if isinstance(ended, int) else 0
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError):  # click's own way with one, while it prints help
            raise ReaderGone from ending
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        complain(told.getvalue().rstrip("\n"))
        return error.exit_code
    except click.Abort:
        complain("Aborted!")
        return 1
    except PenchantError as error:
        complain(f"penchant: {error}")
        return error.exit_code


def _to_nowhere() -> None:
    """What is still in a buffer goes nowhere: Python would complain that it cannot write it, at the very end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


if __name__ == "__main__":
    main()
