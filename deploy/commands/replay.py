"""`penchant replay`: users' states rebuilt from the topics, and compared or restored."""

import sys

import click

from deploy.options import connection_options, examples, json_option, need
from serving.terminal.printing import print_json

_DIFFERS = 1


@click.command(
    epilog=examples(
        "penchant replay --verify",
        "penchant replay --into-prefix penchant-2",
        "penchant replay --into-redis redis://other:6379/0 --model .cache/models/new",
    )
)
@click.option("--verify", is_flag=True, help="Compare the live store with what the topics make; write nothing.")
@click.option("--into-prefix", metavar="P", help="Write the states under another prefix of keys.")
@click.option("--into-redis", metavar="URL", help="Write the states into another Redis.")
@json_option
@connection_options
def replay(verify: bool, into_prefix: str | None, into_redis: str | None, as_json: bool) -> None:
    """Rebuild all users' states from the topics, by the rules and settings of the workers.

    With --verify they are made in memory (about 3 KB a user) and compared with the live store's, at the offsets that
    these stand for; workers may run on. Ends with 1 if anything differs. Give it the workers' own settings.

    With --into-prefix, --into-redis or both, an empty store is filled, and a worker can go on from there. Nothing is
    written to any topic.
    """
    need("worker", "aiokafka", "faust", "redis", "tokenizers")
    from deploy.rebuild.replay_runs import as_dict, print_report, print_restored, run_restore, run_verification

    if verify == bool(into_prefix or into_redis):
        raise click.UsageError("say --verify, or where the states are to go: --into-prefix, --into-redis or both")
    if verify:
        report = run_verification()
        if as_json:
            print_json(as_dict(report))
        else:
            print_report(report)
        if not report.right:
            sys.exit(_DIFFERS)
        return
    restored = run_restore(into_prefix, into_redis)
    if as_json:
        print_json(restored)
    else:
        print_restored(restored)
