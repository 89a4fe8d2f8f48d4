"""`penchant topics`: the topics on the broker."""

import sys

import click

from deploy.options import TimeParam, connection_options, examples, json_option, need
from penchant.errors import Misconfigured
from serving.terminal.printing import complain, print_json, say

__all__ = ["topics"]


@click.group(epilog=examples("penchant topics create --partitions 12 --replication 3 --bootstrap kafka:9092"))
def topics() -> None:
    """Create the topics, or adopt new ones under a kept store."""


@topics.command(epilog=examples("penchant topics create --partitions 12 --replication 3 --bootstrap kafka:9092"))
@click.option("--partitions", type=click.IntRange(1, 10_000), default=4, show_default=True, help="Of each topic.")
@click.option("--replication", type=click.IntRange(1, 10), default=1, show_default=True, help="Replicas of each topic.")
@click.option("--align", is_flag=True, help="Give topics that are there the settings of new ones, too.")
@json_option
@connection_options
def create(partitions: int, replication: int, align: bool, as_json: bool) -> None:
    """Create every topic that is missing; leave the others as they are, and say where they differ.

    --align sets what is set for new topics (clean-up, retention, segments, message size) on all; other settings stay.

    All user-keyed topics have one partition count: it bounds how many workers can share the work, and cannot be
    changed later without new topics and a replay.
    """
    from deploy.topics.create import create_topics
    from serving.connections import Connections

    settings = Connections()
    done = create_topics(settings.brokers, settings.topics, partitions, replication, aligned=align)
    if as_json:
        differing = [{"topic": one.topic, "problem": one.problem, "do": one.do} for one in done.differing]
        other = [{**each._asdict(), "set": align} for each in done.settings]
        told = {"made": done.made, "kept": done.kept, "differing": differing, "settings": other, "run": done.run}
        print_json(told)
    else:
        for name in done.made:
            say(f"made  {name}")
        for name in done.kept:
            say(f"kept  {name}")
        for each in done.settings:
            if align:
                say(f"set  {each.setting}={each.planned} of {each.topic}: it was {each.found}")
            else:
                complain(f"differs  {each}: --align sets it")
        for finding in done.differing:
            complain(f"differs  {finding}")
    if done.differing:
        sys.exit(Misconfigured.exit_code)


@topics.command(epilog=examples("penchant topics adopt --bootstrap kafka:9092 --redis redis://redis:6379/0"))
@click.option("--force", is_flag=True, help="Although the workers' group lists members: none of them runs any more.")
@click.option("--lost-since", type=TimeParam(), help="Of a log that lost its end: read on from then (2h, RFC 3339).")
@json_option
@connection_options
def adopt(force: bool, lost_since: int | None, as_json: bool) -> None:
    """Let a kept store count the offsets of topics that were created again under their old names.

    Workers refuse to start (78) while the store holds offsets of topics that are no more, since events of the new ones
    would be skipped. This forgets those offsets and keeps the interests: workers then begin at the new topics' start.
    Stop them first. Events that you copied into the new topics count once only where they have an event_id.

    With --lost-since, for a log that ends before what was read of it: workers go on from the first event of that time
    or later in these partitions. Give the time at which the broker lost its end, or one somewhat before.
    """
    need("worker", "aiokafka", "redis")
    if lost_since is not None:
        _set_back(lost_since, force=force, as_json=as_json)
        return
    from deploy.topics.adopt import adopt as adopt_topics
    from serving.connections import Connections

    done = adopt_topics(Connections(), force=force)
    if as_json:
        adopted = [
            {"topic": topic, "identity": done.identities[topic], "forgotten": old}
            for topic, old in done.forgotten.items()
        ]
        print_json({"adopted": adopted})
        return
    for topic, old in done.forgotten.items():
        say(f"adopted  {topic}: {done.identities[topic]} instead of {', '.join(old)}")
    if not done.forgotten:
        say("nothing to adopt: the store holds no offsets of other topics")


def _set_back(since_ms: int, *, force: bool, as_json: bool) -> None:
    from deploy.topics.lost_tail import set_back
    from serving.connections import Connections

    done = set_back(Connections(), since_ms, force=force)
    if as_json:
        print_json({"lost": {f"{topic}-{number}": [each.before, each.now] for (topic, number), each in done.items()}})
        return
    for (topic, number), each in done.items():
        say(f"set back  partition {number} of {topic}: from {each.before} to {each.now}")
    if not done:
        say("nothing to set back: no partition ends before what was read of it")
