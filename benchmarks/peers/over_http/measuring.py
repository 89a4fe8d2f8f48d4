"""One recommender measured: lists read at a fixed rate, and lists that move after an event."""

import subprocess
import sys
import time
from contextlib import closing
from typing import Any

import msgspec
import numpy as np

from benchmarks.http_load import Load, Outcome
from benchmarks.peers.over_http.server import Http, Server
from benchmarks.peers.peer_process import Work
from penchant.errors import Unavailable

__all__ = ()

_BEYOND_S = 60.0  # the generator's own time beside what it measures
_CONNECTIONS = 64
_WARM_UP_S = 2.0


def reads(server: Server, work: Work, rate: float, seconds: float) -> dict[str, Any]:
    """Lists of the users of the events, in an open loop; times count from when a request was due."""
    users = sorted({user for user, _ in work.events})
    load = Load(
        host="127.0.0.1",
        port=server.port,
        paths=[server.path_of(user) for user in users],
        rate=rate,
        seconds=seconds,
        warm_up=_WARM_UP_S,
        connections=_CONNECTIONS,
    )
    before_s = server.cpu_s()
    outcome = _asked(load)
    cpu_s = server.cpu_s() - before_s
    answered = len(outcome.times_ms)
    times = np.array(outcome.times_ms or [np.nan])
    all_answered = answered * (_WARM_UP_S + seconds) / seconds
    return {
        "requests_per_s": round(answered / max(outcome.seconds - _WARM_UP_S, seconds), 1),
        **{f"p{at}_ms": round(float(np.percentile(times, at)), 2) for at in (50, 90, 99)},
        "errors": outcome.errors,
        "requests": outcome.sent,
        "cpu_ms": round(1000 * cpu_s / max(all_answered, 1), 3),
    }


def _asked(load: Load) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.http_load", msgspec.json.encode(load).decode()]
    limit_s = load.seconds + load.warm_up + _BEYOND_S
    done = subprocess.run(command, capture_output=True, timeout=limit_s, check=False)
    if done.returncode:
        raise Unavailable(f"the load generator ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return msgspec.json.decode(done.stdout, type=Outcome)


def moves(server: Server, work: Work, patience_s: float, limit_s: float) -> dict[str, Any]:
    """After each event: how long until the user's list is another one, and how many were within so many seconds.

    An item that is left out since the user has it now is no other list: the event's item counts on neither side.
    """
    took_ms, asked, until = [], 0, time.monotonic() + limit_s
    with closing(Http(server.port)) as http:
        for user, item in work.events:
            before = _others(server.items_in(http.ask(server.path_of(user))), item)
            began = time.perf_counter()
            told = server.tell(http, user, item)
            moved = _moved(before, _others(told, item)) if told is not None else False
            while told is None and not moved and time.perf_counter() - began < patience_s:
                moved = _moved(before, _others(server.items_in(http.ask(server.path_of(user))), item))
            asked += 1
            if moved:
                took_ms.append(1000 * (time.perf_counter() - began))
            if time.monotonic() > until:
                break
    return {
        "events": asked,
        "moved": round(len(took_ms) / asked, 3),
        "moved_within_s": patience_s,
        "event_to_moved_ms": {f"p{at}": _percentile(took_ms, at) for at in (50, 90)},
    }


def _others(items: list[int], item: int) -> list[int]:
    return [each for each in items if each != item]


def _moved(before: list[int], after: list[int]) -> bool:
    """Whether places differ that both have."""
    both = min(len(before), len(after))
    return before[:both] != after[:both] or bool(before) != bool(after)


def _percentile(times: list[float], at: int) -> float | None:
    return round(float(np.percentile(times, at)), 1) if times else None
