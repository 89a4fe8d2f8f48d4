"""A loop that hangs is found from outside of it, and one that works, waits or was frozen is left alone."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from serving.api.liveness import Pulse, watched_loop
from tests.support.command import clean_environment
from tests.support.waiting import never, slowness, until

SHORT_S = 0.2
HANGING = """
import asyncio, re, sys, time
from serving.api.liveness import watched_loop

def hang_in_python():
    while True: time.sleep(.01)

def hang_in_the_interpreter():
    re.match("(a*)*b", "a" * 60)

async def main():
    async with watched_loop(1.0):
        await asyncio.sleep(.5)
        {0}()

asyncio.run(main())
"""


@pytest.fixture
def ended() -> list[float]:
    return []


@pytest.fixture
def pulse(ended: list[float]) -> Iterator[Pulse]:
    made = Pulse(SHORT_S, ended.append)
    thread = threading.Thread(target=made.look_after)
    thread.start()
    yield made
    made.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_silence_ends_it_once(pulse: Pulse, ended: list[float]) -> None:
    assert until(lambda: bool(ended))
    assert ended[0] >= SHORT_S
    assert never(lambda: len(ended) > 1, 3 * SHORT_S)


def test_beats_keep_it(monkeypatch: pytest.MonkeyPatch, ended: list[float]) -> None:
    """Given thirty looks, a tenth of the bound apart, and a beat before each, then nothing ends."""
    clock = iter(n * SHORT_S / 10 for n in range(40))
    pulse = Pulse(SHORT_S, ended.append)
    monkeypatch.setattr("serving.api.liveness.time.monotonic", lambda: next(clock))
    looks = iter([False] * 30 + [True])

    def look(_: float) -> bool:
        pulse.beat()
        return next(looks)

    monkeypatch.setattr(pulse._stopped, "wait", look)
    pulse.look_after()
    assert ended == []


def test_time_in_which_nobody_looked_does_not_count(monkeypatch: pytest.MonkeyPatch, ended: list[float]) -> None:
    """Given a process that was frozen for an hour, when it thaws, then its loop has time for a turn."""
    clock = iter([0.0, 0.05, 3600.0])
    pulse = Pulse(SHORT_S, ended.append)
    monkeypatch.setattr("serving.api.liveness.time.monotonic", lambda: next(clock))
    looks = iter([False, False, True])
    monkeypatch.setattr(pulse._stopped, "wait", lambda _: next(looks))
    pulse.look_after()
    assert ended == []


async def test_a_loop_that_works_goes_on() -> None:
    bound_s = 0.6 * slowness()  # this process may be kept from its turns by others
    async with watched_loop(bound_s):
        await asyncio.sleep(1.5 * bound_s)  # the test's process would be gone


@pytest.mark.parametrize(("how", "code"), [("hang_in_python", 70), ("hang_in_the_interpreter", 1)])
def test_a_loop_that_hangs_ends_the_process_and_says_where(how: str, code: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HANGING.format(how)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=clean_environment(),
    )
    assert ran.returncode == code, ran.stderr
    assert f"in {how}" in ran.stderr
    assert ("has had no turn" in ran.stderr) is (code == 70)
