"""Stopping and dying in the middle of things: nothing is lost, nothing is counted twice."""

import os
import signal
from functools import partial

import pytest
import redis

from serving.model.artifact import open_artifact
from serving.state.user_state import decode
from tests.acceptance.test_events_to_lists import FILMS
from tests.support.system import System, WorkerProcess
from tests.support.waiting import Stopwatch, never, until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
USERS = 40


def send_clicks(system: System, first: int, count: int) -> None:
    """Numbered clicks of several users in turn."""
    for n in range(first, first + count):
        system.click(f"u{n % USERS}", f"f{n % len(FILMS)}", event_id=f"e{n}")


def all_named(system: System, count: int) -> bool:
    """Whether every event has been named by a list."""
    return {f"e{n}" for n in range(count)} <= system.named()


def counts(system: System) -> int:
    """How many clicks the stored states have counted, by their seen sets."""
    fingerprint = open_artifact(system.environment["PENCHANT_MODEL"]).fingerprint
    keys = [key for key in system.stored() if b":u:" in key]
    with redis.Redis.from_url(system.redis_url) as client:
        records = [client.get(key) for key in keys]
    return sum(int(decode(record, fingerprint).seen["count"].sum()) for record in records)


def test_terminated_worker_stops_soon_and_the_next_goes_on(system: System) -> None:
    """Given events under way, when the worker is asked to stop, then it stops within 10 s and none is lost."""
    worker = system.start_ready()
    system.publish(FILMS)
    send_clicks(system, 0, 500)
    system.producer.flush()
    watch = Stopwatch()
    assert worker.child.stop(60) == 0, worker.child.last_lines()
    assert watch.usual_s() < 10
    send_clicks(system, 500, 500)
    system.start_ready()
    assert until(lambda: all_named(system, 1000), 60)
    assert counts(system) == 1000


def test_killed_worker_loses_nothing(system: System) -> None:
    """Given thousands of events in flight, when the worker is killed, then the next one lists every one, each once."""
    worker = system.start_ready()
    system.publish(FILMS)
    sent = in_the_middle_of_clicks(system, worker)
    worker.kill()
    system.start_ready()
    assert until(lambda: all_named(system, sent), 90), f"{sent - len(system.named())} events were lost"
    assert counts(system) == sent


def in_the_middle_of_clicks(system: System, worker: WorkerProcess) -> int:
    """Send clicks, more if need be, and freeze the worker when it has taken in some, not all. Returns how many."""
    for sent in range(4000, 24_000, 4000):
        send_clicks(system, sent - 4000, 4000)
        system.producer.flush()
        assert until(partial(begun, system, sent - 3950), 30)
        os.kill(worker.child.pid, signal.SIGSTOP)
        if never(partial(all_named, system, sent), 0.2):
            return sent
        os.kill(worker.child.pid, signal.SIGCONT)
    raise AssertionError("it was done each time before it could be frozen")


def begun(system: System, count: int) -> bool:
    """Whether more events than these have been named by a list."""
    return len(system.named()) > count


def test_a_restarted_worker_knows_what_items_the_others_know(system: System) -> None:
    """Given two workers, when one is killed and started again, then both count the same, from a snapshot and a tail."""
    first, second = (system.start_ready(PENCHANT_STATISTICS_EVERY_S="0.2") for _ in range(2))
    system.publish(FILMS)
    send_clicks(system, 0, 300)
    counted = "penchant_statistics_events"
    assert until(lambda: all_named(system, 300), 90)
    assert until(lambda: (first.metric(counted), second.metric(counted)) == (300, 300)), second.child.last_lines()
    assert until(lambda: max(worker.metric("penchant_snapshot_bytes") for worker in (first, second)) > 0)
    second.kill()
    send_clicks(system, 300, 10)
    restarted = system.start_ready()
    assert until(lambda: all_named(system, 310), 90)
    assert until(lambda: (first.metric(counted), restarted.metric(counted)) == (310, 310)), restarted.child.last_lines()
    assert restarted.metric("penchant_covisits_total") < first.metric("penchant_covisits_total")


def test_events_sent_before_any_worker_are_taken_in(system: System) -> None:
    """Given events and items on the topics, when the first worker starts, then all are folded."""
    send_clicks(system, 0, 100)
    for film in FILMS:
        system.send(system.topics.items, film)
    system.producer.flush()
    system.start_ready()
    assert until(lambda: all_named(system, 100), 60)
    assert until(lambda: counts(system) == 100, 30)


def test_store_that_was_emptied_is_rebuilt_from_the_log(system: System) -> None:
    """Given a running worker, when Redis loses everything, then the worker reads again from the start of the log."""
    system.start_ready()
    system.publish(FILMS)
    send_clicks(system, 0, 200)
    assert until(lambda: all_named(system, 200), 30)
    with redis.Redis.from_url(system.redis_url) as client:
        client.delete(*system.stored())
    send_clicks(system, 200, USERS)
    assert until(lambda: all_named(system, 200 + USERS), 60)
    assert until(lambda: counts(system) == 200 + USERS, 30)


def test_store_that_was_set_back_is_caught_up_with(system: System) -> None:
    """Given a running worker, when Redis is restored from an older copy, then what came since is folded again."""
    system.start_ready()
    system.publish(FILMS)
    send_clicks(system, 0, 100)
    assert until(lambda: all_named(system, 100), 30)
    with redis.Redis.from_url(system.redis_url) as client:
        copy = {key: client.dump(key) for key in system.stored()}
        send_clicks(system, 100, 100)
        assert until(lambda: all_named(system, 200), 30)
        client.delete(*system.stored())
        for key, value in copy.items():
            client.restore(key, 0, value)
    send_clicks(system, 200, USERS)
    assert until(lambda: all_named(system, 200 + USERS), 60)
    assert until(lambda: counts(system) == 200 + USERS, 30)
