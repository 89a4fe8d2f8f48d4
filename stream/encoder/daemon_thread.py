"""A daemon thread that runs jobs in order. A job that never returns keeps neither its caller nor the process waiting.

An executor of the standard library joins its threads when the interpreter ends, and so would wait for a hung one.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

__all__ = ()

_T = TypeVar("_T")


class DaemonThreadExecutor:
    """See the module."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread is there still: after `close` until the job in hand has returned."""
        return self._thread.is_alive()

    def submit(self, job: Callable[[], _T]) -> Future[_T]:
        """Have a job run after those before it; what it returns or raises is the future's."""
        future: Future[_T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - whoever awaits the future decides about it
                future.set_exception(error)

        self._jobs.put(run)
        return future

    def close(self) -> None:
        """End the thread after the jobs that it has."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
