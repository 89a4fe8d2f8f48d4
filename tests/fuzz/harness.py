"""Runs inputs of a target one by one, and keeps those that it should have withstood: the smallest of each kind."""

import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType

from tests.fuzz.target import Target

ROOT = Path(__file__).parents[2]
REFERENCE_S = 0.0075  # what `machine_factor` times, on the machine that the targets' bounds were set on
_SURE = 3  # times that an input must be slow


@dataclass(frozen=True, slots=True)
class FuzzFinding:
    """An input that was not withstood. kind: what to call it, such as `ValueError-texts-unescape`."""

    kind: str
    data: bytes
    words: str


@cache
def machine_factor() -> float:
    """How many times slower than the reference this machine is, at least 1."""

    def once() -> float:
        began = time.thread_time()
        table = {str(n): n for n in range(20_000)}
        for _ in range(10):
            sum(len(key) * value for key, value in table.items())
        return time.thread_time() - began

    return max(min(once() for _ in range(5)) / REFERENCE_S, 1.0)


def _peak_mib() -> float:
    """The process's highest memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass(slots=True)
class Harness:
    """`found`: the smallest input of each kind. keep: is told of each when it is found, and when a smaller one is."""

    target: Target
    keep: Callable[[FuzzFinding], None] = lambda _: None
    found: dict[str, FuzzFinding] = field(default_factory=dict)
    inputs: int = 0

    def __call__(self, data: bytes) -> None:
        """Run one input."""
        self.inputs += 1
        before_mib, began = _peak_mib(), time.thread_time()
        error = self._run(data)
        took_s, grown_mib = time.thread_time() - began, _peak_mib() - before_mib
        if error is not None:
            self._note(_kind(error), data, "".join(traceback.format_exception(error)))
        elif took_s > self.target.most_s * machine_factor() and self._is_slow(data):
            self._note("slow", data, f"took {took_s:.3f} s of CPU")
        elif grown_mib > self.target.most_mib and self.inputs > 1:
            self._note("memory", data, f"took {grown_mib:.0f} MiB")

    def _run(self, data: bytes) -> BaseException | None:
        try:
            self.target.run(data)
        except self.target.allowed:
            return None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
            return error
        return None

    def _is_slow(self, data: bytes) -> bool:
        """Once may be the garbage collector, or a cache that was filled."""
        for _ in range(_SURE):
            began = time.thread_time()
            self._run(data)
            if time.thread_time() - began <= self.target.most_s * machine_factor():
                return False
        return True

    def _note(self, kind: str, data: bytes, words: str) -> None:
        known = self.found.get(kind)
        if known is None or len(data) < len(known.data):
            self.found[kind] = FuzzFinding(kind, data, words)
            self.keep(self.found[kind])


def _kind(error: BaseException) -> str:
    """By what was raised and where: the innermost place of ours that is none of the tests'."""
    if isinstance(told := getattr(error, "kind", None), str):  # it was contained, and tells
        return told
    frames = [frame for frame in _frames(error.__traceback__) if "/site-packages/" not in frame[0]]
    ours = [frame for frame in frames if frame[0].startswith(f"{ROOT}/") and "/tests/" not in frame[0]]
    path, function = (ours or frames or [("unknown", "unknown")])[-1]
    return f"{type(error).__name__}-{Path(path).stem}-{function.strip('<>_')}"


def _frames(trace: TracebackType | None) -> list[tuple[str, str]]:
    return [(frame.f_code.co_filename, frame.f_code.co_name) for frame, _ in traceback.walk_tb(trace)]
