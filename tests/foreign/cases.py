"""What holds for every client: every codec is folded, what was aborted never counts, and markers cost nothing."""

import json
import os
import secrets
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from benchmarks.performance.apache_kafka import ApacheKafka
from penchant.partitioner import partition_of
from penchant.topics import Topics
from serving.model.artifact import open_artifact
from serving.state.user_state import decode
from tests.foreign.plans import Do, KafkaClient, Send, SendPlan, in_transactions
from tests.foreign.segments import batches
from tests.support.command import penchant
from tests.support.system import System
from tests.support.waiting import until

USERS = 20
FOLD_S = 60.0


def event(topics: Topics, user: str, name: str, item: str = "f0", kind: str = "click", **fields: Any) -> Send:
    """An action as a shop's backend sends it."""
    body = {"event_id": name, "user_id": user, "item_id": item, "type": kind, **fields}
    return Send(topics.clicks, user.encode(), json.dumps(body).encode())


def likes(system: System, count: int = 40, users: int = USERS) -> dict[str, Send]:
    """Likes by users in turn, each with 200 bytes of context: together they are worth compressing. By event id."""
    batch = secrets.token_hex(3)
    context = {"page": "/films/science-fiction?from=newsletter&".ljust(200, "x")}
    return {
        f"{batch}-{n}": event(
            system.topics, f"w{batch}-{n % users}", f"{batch}-{n}", f"f{n % 10}", "like", context=context
        )
        for n in range(count)
    }


def assert_folded(system: System, names: Iterable[str], seconds: float = FOLD_S) -> None:
    """Every event gets its list in time."""
    wanted, worker = set(names), system.workers[-1].child
    until(lambda: wanted <= system.named() or worker.exit_code is not None, seconds)
    assert wanted <= system.named(), (
        f"no list names {len(wanted - system.named())} of {len(wanted)}\n{worker.last_lines()}"
    )
    assert worker.exit_code is None, worker.last_lines()


def folded_in_codec(system: System, kafka: ApacheKafka, client: KafkaClient, codec: str | None, expected: str) -> None:
    """Given likes that a client sends in batches, when it compresses them, then each gets its list."""
    before = set(batches(kafka, system.topics.clicks))
    sent = likes(system)
    client(system.bootstrap, SendPlan(tuple(sent.values()), codec=codec, linger_ms=200))
    came = set(batches(kafka, system.topics.clicks)) - before
    assert expected in {batch.codec for batch in came}, "the batches do not lie in this codec: nothing was tried"
    assert_folded(system, sent)


def ring(system: System, user: str) -> list[str]:
    """The event ids that a user's stored state holds, oldest first."""
    key = f"{{{system.topics.prefix}:{partition_of(user, system.partitions)}}}:u:{user}"
    with redis.Redis.from_url(system.redis_url) as client:
        record = client.get(key)
    fingerprint = open_artifact(system.environment["PENCHANT_MODEL"]).fingerprint
    return [each.event_id for each in decode(record, fingerprint).ring] if record else []


def aborted_never_counts(system: System, client: KafkaClient, name: str) -> None:
    """Given a click that its producer aborted and one that it meant, then only this one is ever counted.

    Not by a worker that runs, not by the next one, and not by a replay.
    """
    user = f"{name}-shopper"
    aborted, meant = event(system.topics, user, f"{name}-no", "f1"), event(system.topics, user, f"{name}-yes", "f2")
    poison = Send(system.topics.clicks, user.encode(), b"{not meant")
    steps = (Do.BEGIN, aborted, poison, Do.FLUSH, Do.ABORT, Do.BEGIN, meant, Do.COMMIT)
    client(system.bootstrap, SendPlan(steps, transactional_id=f"{name}-{secrets.token_hex(3)}"))
    assert_folded(system, [f"{name}-yes"])
    assert ring(system, user) == [f"{name}-yes"]

    assert system.workers[-1].child.stop(60) == 0
    system.start_ready()
    system.click(user, "f3", event_id=f"{name}-after")
    assert_folded(system, [f"{name}-after"])
    assert ring(system, user) == [f"{name}-yes", f"{name}-after"]
    assert f"{name}-no" not in system.named()
    assert not [
        dead_letter for dead_letter in system.read(f"{system.topics.clicks}.dlq") if dead_letter.value == poison.value
    ]
    assert asked(system, "replay", "--verify")["right"]


def asked(system: System, *arguments: str, ok: bool = True) -> Any:
    """What a command says of a system as JSON, which has to end well."""
    return json.loads(_out(system, arguments, ok=ok))


def asked_lines(system: System, *arguments: str) -> list[Any]:
    """The same of one that says a line of JSON for each thing that it found."""
    return [json.loads(line) for line in _out(system, arguments, ok=True).splitlines()]


def _out(system: System, arguments: Sequence[str], *, ok: bool) -> str:
    where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    ran = penchant(*arguments, "--json", *where, environment={"PENCHANT_MODEL": system.environment["PENCHANT_MODEL"]})
    assert ran.exit_code == 0 or not ok, f"{arguments}: {ran.exit_code}\n{ran.out[-2000:]}\n{ran.err[-2000:]}"
    return ran.out


def lag(system: System) -> int:
    """How many events `penchant doctor` says are not taken in."""
    return int(asked(system, "doctor", ok=False)["lag"]["count"])


@contextmanager
def held(system: System) -> Iterator[None]:
    """The worker does nothing meanwhile."""
    os.kill(system.workers[-1].child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(system.workers[-1].child.pid, signal.SIGCONT)


def folding_s(
    system: System, client: KafkaClient, steps: Sequence[Send | Do], names: Iterable[str], **plan: Any
) -> float:
    """How long a worker takes for what was sent while it was held, in seconds."""
    with held(system):
        client(system.bootstrap, SendPlan(tuple(steps), **plan))
        system.named()  # what came before is read
    began = time.monotonic()
    assert_folded(system, names)
    return time.monotonic() - began


def markers_cost_nothing(system: System, client: KafkaClient) -> None:
    """Given 300 transactions of one event each, when they are folded, then it takes no more than twice as long.

    Both lie there before the worker may begin, so that the producers' own time does not count.
    """
    warm, plain, each = likes(system, 300), likes(system, 300), likes(system, 300)
    folding_s(system, client, tuple(warm.values()), warm)
    usual_s = folding_s(system, client, tuple(plain.values()), plain)
    steps = in_transactions(each.values())
    name = f"single-{secrets.token_hex(3)}"
    taken_s = folding_s(system, client, steps, each, transactional_id=name, linger_ms=0)
    print(f"300 plain events {usual_s:.2f} s, 300 transactions of one event {taken_s:.2f} s")
    assert taken_s <= 2 * usual_s + 0.25, "300 transactions of one event each take longer than 300 events"
