"""`penchant explain`: where the points of a user's items come from."""

import asyncio
import sys

import click

from deploy.options import IdParam, connection_options, examples, json_option, need
from serving.terminal.printing import complain, print_json


@click.command(epilog=examples("penchant explain u1", "penchant explain u1 i9", "penchant explain u1 -k 3 --json"))
@click.argument("user", type=IdParam())
@click.argument("item", type=IdParam(), required=False)
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="Length of the list.")
@json_option
@connection_options
def explain(user: str, item: str | None, k: int, as_json: bool) -> None:
    """Attribute the score of each item on USER's list to the parts of the formula and to past events, or of ITEM alone.

    The points sum to the score; what counts against an item is below 0. It is the list that would be made now: what
    others did since USER's last event counts, too. Rules, variety and language are taken from the worker's settings.
    Ends with 1 if nothing is known of USER or of ITEM.
    """
    need("worker", "redis", "kafka")
    from deploy.explain import explanation as explaining
    from deploy.explain.attribution_table import print_explanations
    from stream.settings import WorkerSettings

    settings = WorkerSettings()
    explained = asyncio.run(explaining.explain(settings, user, item, k))
    if explained is None:
        complain(f"nothing is known of user {user!r}: no event of theirs was processed, or they were erased")
        sys.exit(1)
    if item is not None and not explained.items:
        complain(f"no item {item!r}: it was never published, and no event names it")
        sys.exit(1)
    if as_json:
        print_json(explained.told())
    else:
        print_explanations(explained.user_id, explained.items, settings.language)
