"""A thread of one's own, which nobody has to wait for."""

import subprocess
import sys
import threading

import pytest

from stream.encoder.daemon_thread import DaemonThreadExecutor
from tests.support.waiting import until


def test_jobs_run_one_after_the_other_on_one_thread() -> None:
    executor = DaemonThreadExecutor("jobs")
    done: list[tuple[int, str]] = []
    futures = [executor.submit(lambda n=n: done.append((n, threading.current_thread().name))) for n in range(3)]  # type: ignore[misc]
    for future in futures:
        future.result(60)
    assert done == [(n, "jobs") for n in range(3)]
    executor.close()
    assert until(lambda: not executor.alive)


def test_what_a_job_raises_is_the_future_s_and_the_next_one_runs() -> None:
    executor = DaemonThreadExecutor("jobs")
    with pytest.raises(ZeroDivisionError):
        executor.submit(lambda: 1 // 0).result(60)
    assert executor.submit(lambda: 42).result(60) == 42
    executor.close()


def test_a_cancelled_job_does_not_run() -> None:
    executor, free, ran = DaemonThreadExecutor("jobs"), threading.Event(), threading.Event()
    first = executor.submit(free.wait)
    second = executor.submit(ran.set)
    assert second.cancel()
    free.set()
    first.result(60)
    executor.close()
    assert until(lambda: not executor.alive)
    assert not ran.is_set()


def test_a_process_ends_though_a_job_hangs() -> None:
    code = (
        "import threading; from stream.encoder.daemon_thread import DaemonThreadExecutor as Executor;"
        "Executor('jobs').submit(threading.Event().wait)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=600, check=False).returncode == 0
