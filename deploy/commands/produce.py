"""`penchant produce`: events from a file onto their topics."""

import sys
from collections.abc import Collection
from contextlib import suppress

import click

from deploy.options import connection_options, examples, json_option
from serving.terminal.printing import ReaderGone, complain, print_json, say

_DATA_ERROR = 65  # EX_DATAERR of sysexits.h: the input was wrong in places


@click.command(
    epilog=examples(
        "penchant produce items.jsonl.gz",
        'echo \'{"user_id": "u1", "text": "我喜欢看电影，尤其是科幻片"}\' | penchant produce -',
    )
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--topic",
    type=click.Choice(["clicks", "reviews", "items", "commands"]),
    help="Where the lines go; else each line's fields tell.",
)
@click.option(
    "--check/--no-check",
    default=True,
    show_default=True,
    help="Leave out clicks of a type that the weights file (PENCHANT_WEIGHTS) does not list.",
)
@json_option
@connection_options
def produce(file: str, topic: str | None, check: bool, as_json: bool) -> None:
    """Send the JSON lines of FILE (or - for standard input), each a message, and wait for delivery.

    FILE may be gzip'd, in UTF-8 or UTF-16, or one JSON array of messages. Events are keyed by user_id, items by
    item_id. A line {"key": "i9", "value": null} with --topic items removes an item. Lines that are no JSON object or
    have no key are named and left out; the others are sent, and the exit code is then 65.
    """
    from deploy.events.preflight import Preflight
    from deploy.events.produce_file import SendOptions, send_file
    from penchant.topics import Topic
    from serving.connections import Connections

    settings = Connections()
    forced = None if topic is None else Topic[topic.upper()]
    done = send_file(settings, file, SendOptions(forced, Preflight(_types() if check else ()), _complain))
    if as_json:
        print_json(done.told())
    else:
        say(done.words())
    if done.unread is not None:
        raise done.unread
    if done.bad:
        sys.exit(_DATA_ERROR)


def _complain(words: str) -> None:
    """On standard error; that nobody reads there is no reason to send half of a file."""
    with suppress(ReaderGone):
        complain(words)


def _types() -> Collection[str]:
    """The types of clicks that a worker with these settings takes."""
    from pathlib import Path

    from serving.configuration.setting_errors import raw_value
    from stream.events.weights import load_weights

    named = raw_value("weights")
    weights = load_weights(None if named is None else Path(named))
    return {*(action for action in weights.actions if weights.accepts(action)), "rate"}
