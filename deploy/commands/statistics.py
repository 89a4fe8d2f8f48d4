"""`penchant statistics`: the snapshot of the item statistics, which a restarted worker takes over."""

import asyncio

import click

from deploy.options import connection_options, examples, json_option, need
from penchant.times import rfc3339
from serving.terminal.printing import print_json, say

__all__ = ["statistics"]


@click.group(epilog=examples("penchant statistics show", "penchant statistics forget"))
def statistics() -> None:
    """See what is kept of items across restarts, or give it up."""


@statistics.command(epilog=examples("penchant statistics show --json"))
@json_option
@connection_options
def show(as_json: bool) -> None:
    """Say what the snapshot holds, and since when; ends with 1 if one is there that cannot be read."""
    need("worker", "redis")
    from serving.connections import Connections
    from stream.store.statistics_snapshots import open_snapshots

    settings = Connections()

    async def read() -> dict[str, object]:
        async with open_snapshots(settings.redis, settings.keys) as stored:
            snapshot = await stored.read()
        if snapshot is None:
            return {"made_at": None, "items": 0, "events": 0, "reached": None}
        made_at = rfc3339(snapshot.made_ms, "seconds")
        events = snapshot.popular.events
        return {"made_at": made_at, "items": len(snapshot.ids), "events": events, "reached": snapshot.reached}

    told = asyncio.run(read())
    if as_json:
        print_json(told)
    elif told["made_at"] is None:
        say("no snapshot: a worker that starts reads covisits.v1 from its start")
    else:
        say(
            f"{told['events']:,} events on {told['items']:,} items, as of {told['made_at']}; "
            f"covisits.v1 goes on at offset {told['reached']}"
        )


@statistics.command(epilog=examples("penchant statistics forget"))
@json_option
@connection_options
def forget(as_json: bool) -> None:
    """Delete the snapshot: workers that start count again, from what covisits.v1 still has (7 days).

    Those that run go on with what they have, and write the next snapshot: stop them first. Users' interests are
    left as they are.
    """
    need("worker", "redis")
    from serving.connections import Connections
    from stream.store.statistics_snapshots import open_snapshots

    settings = Connections()

    async def delete() -> bool:
        async with open_snapshots(settings.redis, settings.keys) as stored:
            return await stored.forget()

    there = asyncio.run(delete())
    if as_json:
        print_json({"forgotten": there})
    else:
        say("forgotten" if there else "there was no snapshot")
