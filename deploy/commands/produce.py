"""`penchant produce`: events from a file onto their topics."""

import sys

import click

from deploy.options import connection_options, examples, json_option
from deploy.printing import complain, print_json, say

DATA_ERROR = 65  # EX_DATAERR of sysexits.h: the input was wrong in places
NAMED = 100  # so many bad lines are named in the summary


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
@json_option
@connection_options
def produce(file: str, topic: str | None, as_json: bool) -> None:
    """Send the JSON lines of FILE (may be .gz, or - for standard input), each a message, and wait for delivery.

    Events are keyed by user_id, items by item_id. A line {"key": "i9", "value": null} with --topic items removes an
    item. Lines that are no JSON object or have no key are named and left out; the others are sent, and the exit code
    is then 65.
    """
    from deploy.lines import BadLine, Lines, read_line
    from deploy.sending import Sender
    from serving.connections import Connections
    from serving.topics import Topic

    settings = Connections()
    forced = None if topic is None else Topic[topic.upper()]
    bad: list[BadLine] = []
    with Sender(settings.bootstrap, settings.topics) as sender, Lines(file) as lines:
        for number, line in lines:
            read = read_line(number, line, forced)
            wrong = read if isinstance(read, BadLine) else sender.send(read)
            if wrong is not None:
                complain(f"line {wrong.number}: {wrong.why}")
                bad.append(wrong)
    if as_json:
        named = [{"line": one.number, "why": one.why} for one in bad[:NAMED]]
        print_json({"sent": dict(sender.confirmed), "bad": len(bad), "bad_lines": named})
    else:
        total = ", ".join(f"{count} to {name}" for name, count in sender.confirmed.items()) or "nothing"
        say(f"sent {total}" + (f"; {len(bad)} bad lines left out" if bad else ""))
    if bad:
        sys.exit(DATA_ERROR)
