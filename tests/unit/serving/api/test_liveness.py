"""A loop that hangs is found from outside of it, and one that works, waits or was frozen is left alone."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from serving.api.liveness import Pulse, watched_loop
from tests.support.command import clean_environment
from tests.support.waiting import until

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
    thread.join(5)
    assert not thread.is_alive()


def test_silence_ends_it_once(pulse: Pulse, ended: list[float]) -> None:
    assert until(lambda: bool(ended))
    assert ended[0] >= SHORT_S
    assert not until(lambda: len(ended) > 1, 3 * SHORT_S)


def test_beats_keep_it(pulse: Pulse, ended: list[float]) -> None:
    for _ in range(30):
        pulse.beat()
        assert not until(lambda: bool(ended), SHORT_S / 10)


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
    async with watched_loop(0.5):
        await asyncio.sleep(1.2)  # a bound that is passed twice: the test's process would be gone


@pytest.mark.parametrize(("how", "code"), [("hang_in_python", 70), ("hang_in_the_interpreter", 1)])
def test_a_loop_that_hangs_ends_the_process_and_says_where(how: str, code: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HANGING.format(how)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(),
    )
    assert ran.returncode == code, ran.stderr
    assert f"in {how}" in ran.stderr
    assert ("has had no turn" in ran.stderr) is (code == 70)
