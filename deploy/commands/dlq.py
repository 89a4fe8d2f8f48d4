"""`penchant dlq`: the dead letters, counted, shown, and sent back."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import click

from deploy.options import IdParam, TimeParam, connection_options, examples, json_option
from penchant.errors import RejectReason
from serving.terminal.printing import complain, print_json

__all__ = ["dlq"]

_DATA_ERROR = 65  # EX_DATAERR of sysexits.h: some dead letters cannot be sent back


_FILTERS = (
    click.option(
        "--topic",
        multiple=True,
        type=click.Choice(["clicks", "reviews", "commands", "items"]),
        help="Only dead letters from this topic; may be given several times.",
    ),
    click.option(
        "--reason",
        multiple=True,
        type=click.Choice([reason.value for reason in RejectReason]),
        metavar="WORD",
        help="Only dead letters with this reason, as `ls` names it; may be given several times.",
    ),
    click.option(
        "--user",
        type=IdParam(),
        metavar="KEY",
        help="Only dead letters of this user (on the items topic: of this item).",
    ),
    click.option("--since", type=TimeParam(), help="Only dead letters made since then: 2h ago, or RFC 3339."),
    click.option("--until", type=TimeParam(), help="Only dead letters made before then."),
)


def _filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --topic, --reason, --user, --since and --until, which it gets as one `chosen`."""

    @functools.wraps(command)
    def with_filter(*arguments: object, **options: Any) -> None:
        from deploy.dlq.dead_letter_record import DeadLetterFilter
        from penchant.topics import Topic

        chosen = DeadLetterFilter(
            topics=frozenset(Topic[name.upper()] for name in options.pop("topic")),
            reasons=frozenset(options.pop("reason")),
            user=options.pop("user"),
            since_ms=options.pop("since"),
            until_ms=options.pop("until"),
        )
        command(*arguments, chosen=chosen, **options)

    for option in reversed(_FILTERS):
        with_filter = option(with_filter)
    return with_filter


@click.group(epilog=examples("penchant dlq ls", "penchant dlq redrive --reason unknown_item --rate 100"))
def dlq() -> None:
    """See what could not be used, and send it back once the cause is fixed."""


@dlq.command(epilog=examples("penchant dlq ls", "penchant dlq ls --since 2h --json"))
@_filter_options
@json_option
@connection_options
def ls(chosen: Any, as_json: bool) -> None:
    """Count the dead letters by topic and reason: how many, how many of them were sent back, first and last time."""
    from deploy.dlq.listing import count, print_counts
    from deploy.dlq.redrive import open_dead_letters
    from serving.connections import Connections

    settings = Connections()
    with open_dead_letters(settings.brokers, settings.topics, chosen) as (dead_letters, redrive_log):
        counts, erasures = count(dead_letters.read(), redrive_log, settings.topics)
    if as_json:
        print_json({"letters": counts, "total": sum(each["letters"] for each in counts), "erasures": erasures})
    else:
        print_counts(counts)
    if erasures:
        complain(
            f"{erasures} of these ask to erase a user and were not carried out nor sent back: see "
            "`penchant dlq show --topic commands`, fix the cause, then `penchant dlq redrive --topic commands`"
        )


@dlq.command(
    epilog=examples("penchant dlq show --topic clicks --reason bad_time --limit 5", "penchant dlq show --json")
)
@_filter_options
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The newest so many.")
@json_option
@connection_options
def show(chosen: Any, limit: int, as_json: bool) -> None:
    """Print dead letters, oldest first: why and where, key, headers and value as they came.

    With --json one line a dead letter; what is not UTF-8 stands there in base64, under `key_base64` or `value_base64`.
    """
    import heapq

    from deploy.dlq.listing import as_dict, print_dead_letter
    from deploy.dlq.redrive import open_dead_letters
    from serving.connections import Connections

    settings = Connections()
    with open_dead_letters(settings.brokers, settings.topics, chosen) as (dead_letters, redrive_log):
        newest = heapq.nlargest(limit, dead_letters.read(), key=lambda dead_letter: dead_letter.time_ms)
    for dead_letter in reversed(newest):
        told = as_dict(dead_letter, settings.topics, redriven=dead_letter in redrive_log)
        if as_json:
            print_json(told)
        else:
            print_dead_letter(told)


@dlq.command(
    epilog=examples(
        "penchant dlq redrive --dry-run",
        "penchant dlq redrive --topic clicks --reason unknown_type --rate 200",
        "penchant dlq redrive --user u1 --again",
    )
)
@_filter_options
@click.option("--limit", type=click.IntRange(1), help="So many at most.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="So many a second at most.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@click.option("--again", is_flag=True, help="Also what was sent back before.")
@json_option
@connection_options
def redrive(chosen: Any, as_json: bool, dry_run: bool, **bounds: Any) -> None:
    """Send dead letters back to the topics they came from, erasures first, and wait for delivery.

    Key, value, timestamp and headers are the original's, and the partition is its user's. Each dead letter is sent back
    once, whatever filters later calls have, unless --again is given. An event counts once however often it is sent.
    Run one at a time. Ends with 65 if some dead letters cannot be sent back; they are named.
    """
    from deploy.dlq.listing import print_redriven, redriven_as_dict
    from deploy.dlq.redrive import RedrivePlan, open_dead_letters, preview
    from deploy.dlq.redrive import redrive as send_back
    from serving.connections import Connections

    settings = Connections()
    plan = RedrivePlan(most=bounds["limit"], per_s=bounds["rate"], again=bounds["again"])
    with open_dead_letters(settings.brokers, settings.topics, chosen) as (dead_letters, redrive_log):
        if dry_run:
            result = preview(dead_letters, redrive_log, plan)
        else:
            result = send_back(settings.brokers, settings.topics, dead_letters, redrive_log, plan)
    told = redriven_as_dict(result, settings.topics, dry_run=dry_run)
    if as_json:
        print_json(told)
    else:
        print_redriven(told)
    if result.left:
        sys.exit(_DATA_ERROR)
