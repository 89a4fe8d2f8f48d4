"""`penchant watch`: a user's lists as they come."""

import sys

import click

from deploy.options import IdParam, connection_options, examples, json_option
from serving.terminal.printing import complain, print_json


@click.command(epilog=examples("penchant watch u1", "penchant watch u1 --once --json --timeout 10"))
@click.argument("user", type=IdParam())
@click.option("--once", is_flag=True, help="Print the newest list, or wait for the first, and end.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="End after so many seconds.")
@json_option
@connection_options
def watch(user: str, once: bool, timeout: float | None, as_json: bool) -> None:
    """Print the newest list of USER, then every new one as it comes. The user * has the trending list.

    With --json one line a list, as it stands on the topic; an erased user's is {"user_id": …, "erased": true}.
    Ends with 1 if --timeout passed and no list was there.
    """
    from deploy.events.list_watcher import watch_lists
    from deploy.tables import print_list
    from serving.connections import Connections

    settings = Connections()
    shown = 0
    try:
        for value, titles in watch_lists(settings.brokers, settings.topics, user, timeout, with_titles=not as_json):
            if as_json:
                print_json({"user_id": user, "erased": True} if value is None else value)
            else:
                print_list(user, value, titles)
            shown += 1
            if once:
                break
    except KeyboardInterrupt:
        return
    if not shown:
        complain(f"no list of {user!r} on {settings.topics.recommendations} in {timeout:g} s")
        sys.exit(1)
