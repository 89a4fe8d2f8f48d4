"""What `penchant.Recommendations` takes: to read a topic, to look a list up, and of memory.

    python -m benchmarks.client [--users 10000] [--json FILE]

Lists have twenty items with three reasons each, some 7 KB. The embedded broker is in another process. Times are of this
process's processor; look-ups are of users in a random order, each once for the first time and then nine times more.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import click
import msgspec
from kafka import KafkaProducer

from benchmarks import machine
from deploy.local.services import start_broker
from deploy.topics.create import create_topics
from penchant import ListItem, Reason, RecommendationList, Recommendations
from penchant.topics import Topics

_PREFIX, _PARTITIONS, _ITEMS, _AGAIN, _READY_S = "penchant", 4, 20, 9, 300.0
_WORDS = ("you clicked on", "goes with", "like", "popular right now:")


@click.command(epilog="Example: python -m benchmarks.client --users 10000 --json client.json")
@click.option("--users", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(users: int, file: Path | None) -> None:
    """Measure the client for lists."""
    about = machine.describe()
    with tempfile.TemporaryDirectory() as folder:
        broker = start_broker(Path(folder))
        try:
            publish(broker.bootstrap, users)
            figures = measured(broker.bootstrap, users)
        finally:
            broker.stop()
    click.echo("\n".join(f"{name:24} {value}" for name, value in figures.items()))
    if file is not None:
        file.write_text(json.dumps({**about, **figures}) + "\n", encoding="utf-8")


def publish(bootstrap: str, users: int) -> None:
    """A list of each user, and the trending one."""
    topics = Topics(_PREFIX)
    create_topics(bootstrap, topics, _PARTITIONS, replication=1)
    draw = random.Random(7)
    with closing(KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)) as producer:
        for user_id in ("*", *map(_user, range(users))):
            value = msgspec.json.encode(_list(user_id, draw))
            producer.send(topics.recommendations, key=user_id.encode(), value=value)
        producer.flush()


def measured(bootstrap: str, users: int) -> dict[str, float]:
    """The figures. bytes_a_user: of resident memory, as they came, and once all were asked for."""
    known = [_user(number) for number in range(users)]
    random.Random(7).shuffle(known)
    before = _resident()
    began, used = time.perf_counter(), time.process_time()
    with Recommendations(bootstrap, _PREFIX, kafka={"fetch_max_wait_ms": 5}) as lists:
        if not lists.ready(_READY_S):
            raise click.ClickException(lists.problem)
        ready_s, cpu_s, unread = time.perf_counter() - began, time.process_time() - used, _resident()
        return {
            "users": users,
            "ready_s": round(ready_s, 2),
            "read_us_a_list": round(1e6 * cpu_s / users, 1),
            "get_first_us": _us_each(lists.get, known),
            "get_us": _us_each(lists.get, known * _AGAIN),
            "get_unknown_us": _us_each(lists.get, [f"nobody-{number}" for number in range(users)]),
            "bytes_a_user_unread": round((unread - before) / users),
            "bytes_a_user_read": round((_resident() - before) / users),
        }


def _us_each(get: Callable[[str], object], users: Iterable[str]) -> float:
    asked = list(users)
    began = time.process_time()
    for user_id in asked:
        get(user_id)
    return round(1e6 * (time.process_time() - began) / len(asked), 2)


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _user(number: int) -> str:
    return f"user-{number}"


def _list(user_id: str, draw: random.Random) -> RecommendationList:
    return RecommendationList(
        user_id=user_id,
        version=1,
        generated_at="2026-11-22T10:00:00.130Z",
        expires_at="2126-11-22T10:00:00.130Z",
        fingerprint="e5s-1a2b3c4d",
        path="trending" if user_id == "*" else "live",
        cause=None,
        folded=[],
        items=[_item(draw, place) for place in range(_ITEMS)],
    )


def _item(draw: random.Random, place: int) -> ListItem:
    reasons = [
        Reason(f"c-{draw.randrange(10**6)}", round(share, 2), f'{draw.choice(_WORDS)} "Title {draw.randrange(10**4)}"')
        for share in (0.5, 0.3, 0.1)
    ]
    return ListItem(f"item-{draw.randrange(10**5)}", round(2.0 - place / 20, 4), "covisit", reasons)


if __name__ == "__main__":
    main()
