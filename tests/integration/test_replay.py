"""`penchant replay` on a real broker, store and worker: the live state is what the log makes."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis

from penchant.partitioner import partition_of
from serving.state.user_state import decode, encode
from tests.acceptance.test_events_to_lists import FILMS
from tests.conftest import Broker
from tests.support.command import Ran, penchant
from tests.support.system import Message, System, now_ms, running
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
USERS = [f"u{n}" for n in range(20)]
ERASED = "u20"
MERGED = {"u5": "u6", "u6": "u7", "u8": "u9"}


@pytest.fixture(scope="module")
def system(
    broker: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory, small_model: Path
) -> Iterator[System]:
    """One worker that has taken in disorder of every kind; each test leaves its store as the log makes it."""
    folder = tmp_path_factory.mktemp("disorder")
    with running(broker, redis_url, f"test-{secrets.token_hex(4)}", folder) as made:
        made.environment["PENCHANT_MODEL"] = str(small_model)
        made.start_ready()
        made.publish(FILMS)
        send_disorder(made)
        process_all(made)
        yield made


def replay(system: System, *arguments: str, environment: Mapping[str, str] | None = None) -> Ran:
    where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    model = ["--model", system.environment["PENCHANT_MODEL"]]  # what a caller names stands behind it, and above
    return penchant("replay", *model, *arguments, "--json", *where, environment=environment)


def verified(system: System) -> Any:
    """What `--verify` tells, which must find nothing."""
    ran = replay(system, "--verify")
    assert ran.exit_code == 0, f"{ran.out}\n{ran.err}"
    return ran.json


def everybody_is_the_same(told: Any) -> None:
    assert told["equal"] == told["users"] == len(USERS) + 1, told["apart_named"]


def process_all(system: System) -> None:
    """Send more events of everybody and wait until each was taken in: all before them was, too.

    Twice: the first ones say that what lay on wrong partitions was sent on, those behind it that it was taken in there.
    """
    last_words(system, "first")
    last_words(system, "second")
    answers = {b"erase", *(f"m-{user}".encode() for user in MERGED)}
    assert until(lambda: answers <= {r.key for r in system.read(system.topics.receipts)}, 60)


def last_words(system: System, round_name: str) -> None:
    for user in USERS:
        system.click(user, "f0", event_id=f"{round_name}-last-{user}")
        if user not in MERGED:
            system.say(user, "the end", event_id=f"{round_name}-said-{user}")
        retract = {"type": "retract", "user_id": user, "event_id": f"{round_name}-last-{user}"}
        system.send(system.topics.commands, {"command_id": f"{round_name}-k-{user}", **retract})
    wanted = {f"{round_name}-{kind}-{user}" for user in USERS for kind in ("last", "k")}
    wanted |= {f"{round_name}-said-{user}" for user in USERS if user not in MERGED}
    assert until(lambda: wanted <= system.named(), 60), system.workers[-1].child.last_lines()


def nth_click(n: int, now: int) -> Message:
    """What the event `c{n}` is."""
    user, late = [*USERS, ERASED][n * 8 % 21], (n * 7919) % 5000
    message: Message = {"user_id": user, "item_id": f"f{n % len(FILMS)}", "type": ("click", "like", "dismiss")[n % 3]}
    return message | {"event_id": f"c{n}", "event_time": now - late * 60_000}


def send_disorder(system: System) -> None:
    """Clicks and reviews, late, twice, on wrong partitions, on unknown items, retracted before and after they came.

    It keeps to what a state remembers, so that no order puts anything aside: three users in one would write more than
    eight texts that the encoder may miss, and what leaves their ring is retracted with the event sent along.
    """
    now = now_ms()
    for n in range(600):
        message = nth_click(n, now)
        user = message["user_id"]
        partition = None if n % 5 else n % system.partitions
        for _ in range(2 if n % 11 == 0 else 1):
            system.send(system.topics.clicks, message, partition=partition)
        if n % 10 == 0 and user not in MERGED:
            review = {"user_id": user, "item_id": f"f{n % len(FILMS)}", "text": f"text number {n}", "event_id": f"r{n}"}
            system.send(system.topics.reviews, review)
        if n % 40 == 0:
            system.say(user, "no more war films please, something funny instead", event_id=f"s{n}")
        if n % 13 == 0:
            system.click(user, f"unknown-{n % 4}", event_id=f"w{n}")
        event = nth_click(n + 21 * (n % 2), now)  # of the same user; half of the retractions come first
        if n % 4 < 2 and now - event["event_time"] < 1500 * 60_000:  # so new that it stays in the ring of one user
            taken = {"command_id": f"t{n}", "type": "retract", "user_id": user, "event_id": event["event_id"]}
            comes, of_several = n + 21 < 600, user in {*MERGED, *MERGED.values()}
            system.send(system.topics.commands, taken | ({"event": event} if comes and of_several else {}))
        if n == 300:
            for user, target in MERGED.items():
                merge = {"command_id": f"m-{user}", "type": "merge", "user_id": target, "anonymous_id": user}
                system.send(system.topics.commands, merge)
    system.send(system.topics.clicks, b"{no json", key=USERS[0])
    erased = {"command_id": "erase", "type": "erase", "user_id": ERASED}
    system.send(system.topics.commands, erased)


def keys_of(system: System, user: str) -> bytes:
    (key,) = [key for key in system.stored() if key.endswith(f":u:{user}".encode())]
    return key


def test_the_live_state_is_what_the_log_makes(system: System) -> None:
    """Given disorder of every kind, when verified, then nothing differs; a planted difference is found and named."""
    (worker,) = system.workers
    system.publish([{"item_id": f"unknown-{n}", "title": f"Late {n}", "text": "a film that came late"} for n in (0, 1)])
    assert until(lambda: worker.metric("penchant_waiting_users") <= 2 * len(USERS), 10)
    # On a busy machine the encoder misses texts at first; until it has encoded them their users are listed apart.
    assert until(lambda: worker.metric("penchant_missed_texts_waiting_users") == 0, 60)

    told = verified(system)

    assert told["users"] == len(USERS) + 1, "the erased one has a digest"
    everybody_is_the_same(told)
    assert told["events"] > 700
    assert told["items"]["compared"] >= len(FILMS)
    # What was retracted counts, or not, by when that came; so does the second of two on an item. .06 to .20 here.
    assert told["items"]["relative_difference"] < 0.4

    made_by = system.lists(USERS[1])[-1]["fingerprint"]
    with redis.Redis.from_url(system.redis_url) as client:
        changed, missed = keys_of(system, USERS[1]), keys_of(system, USERS[2])
        before = {key: client.dump(key) for key in (changed, missed)}
        whole = client.get(changed)
        state = decode(whole, made_by)
        assert state.long is not None
        state.long[3] += 0.1
        state.ring.pop()
        client.set(changed, encode(state, made_by))
        client.delete(missed)
        stranger = next(f"x{n}" for n in range(100) if partition_of(f"x{n}", system.partitions) == 0)
        client.set(strange := f"{{{system.topics.prefix}:0}}:u:{stranger}", whole)

        ran = replay(system, "--verify")

        client.delete(strange)
        for key, record in before.items():
            client.restore(key, 86_400_000, record, replace=True)

    assert ran.exit_code == 1
    assert (ran.json["different"], ran.json["missing"], ran.json["extra"]) == (1, 1, 1)
    differing, missing, extra = ran.json["differences"]
    assert [each["field"] for each in differing["differs"]] == ["long", "ring"]
    assert [each["user"] for each in (differing, missing, extra)] == [USERS[1], USERS[2], stranger]


def test_a_broken_record_is_made_anew(system: System) -> None:
    """Given bytes that were altered in the store, of a user and of one with others merged in, then nobody notices."""
    (worker,) = system.workers
    broken = (USERS[1], "u7")
    with redis.Redis.from_url(system.redis_url) as client:
        for user in broken:
            key = keys_of(system, user)
            record = bytearray(client.get(key))
            record[len(record) // 2] ^= 0x10
            client.set(key, bytes(record), keepttl=True)
    found = replay(system, "--verify")

    for user in broken:
        system.click(user, "f1", event_id=f"after-{user}")

    assert found.exit_code == 1
    assert {each["user"] for each in found.json["differences"]} == set(broken)
    assert {each["field"] for one in found.json["differences"] for each in one["differs"]} == {"bytes"}
    for user in broken:
        system.list_for(user, f"after-{user}", 60)  # of a film, or of what trends where all were seen
    # Each at its first load; again if that was a look at what waits, which saves nothing.
    assert until(lambda: worker.metric("penchant_states_mended_total") >= len(broken))
    everybody_is_the_same(verified(system))


def test_a_store_is_filled_and_a_worker_goes_on_from_there(system: System) -> None:
    """Given a log, when an empty store is filled, then it verifies, and a worker goes on without counting twice."""
    for worker in system.workers:
        assert worker.child.stop(60) == 0
    with redis.Redis.from_url(system.redis_url) as client:
        client.delete(*system.stored())

    restored = replay(system, "--into-redis", system.redis_url)
    again = replay(system, "--into-redis", system.redis_url)

    assert restored.exit_code == 0, restored.err
    assert restored.json["users"] == len(USERS)
    assert again.exit_code == 78
    assert "not empty" in again.err
    everybody_is_the_same(verified(system))

    system.start_ready()
    for user in USERS:
        system.click(user, "f1", event_id=f"later-{user}")
    assert until(lambda: {f"later-{user}" for user in USERS} <= system.named(), 60)
    everybody_is_the_same(verified(system))
