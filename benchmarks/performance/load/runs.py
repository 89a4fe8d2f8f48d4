"""One run of the generator against a system, and what was seen of it from outside."""

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.performance.load.matching import LOST_MS, latencies_ms
from benchmarks.performance.load.plan import Answer, Plan
from penchant.errors import Unavailable

Look = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Run:
    """What became of a plan's events, those after warming up. Times in seconds by the monotonic clock, `(n,)` each.

    before, after: what `look` saw when warming up was over, and when all was answered or lost.
    """

    due_s: npt.NDArray[np.float64]
    sent_s: npt.NDArray[np.float64]
    seen_s: npt.NDArray[np.float64]
    review: npt.NDArray[np.bool_]
    lists: int
    moved: int
    generator_us: float  # CPU of generator and collector an event
    before: Mapping[str, float]
    after: Mapping[str, float]

    @property
    def latencies_ms(self) -> npt.NDArray[np.float64]:
        """See `matching.latencies_ms`."""
        return latencies_ms(self.due_s, self.seen_s)

    @property
    def received(self) -> int:
        """How many were seen within 10 s."""
        return int((self.latencies_ms < LOST_MS).sum())


def run(plan: Plan, look: Look = dict, progress: Callable[[Answer], None] = lambda _: None) -> Run:
    """Run a plan in a process of its own. `file` and `run` of the plan are set here.

    Raises Unavailable if the generator fails, with what it said.
    """
    with tempfile.TemporaryDirectory(prefix="penchant-load-") as folder:
        plan = msgspec.structs.replace(plan, run=secrets.token_hex(4), file=str(Path(folder) / "run.npz"))
        with (Path(folder) / "errors").open("w+b") as errors:
            command = [sys.executable, "-m", "benchmarks.performance.load"]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process:
                try:
                    before, after = _follow(process, plan, look, progress)
                finally:
                    process.kill()
            code = process.returncode
            if after is None or before is None:
                errors.seek(0)
                said = errors.read().decode(errors="replace")[-1000:]
                raise Unavailable(f"the generator of events ended with {code}: {said}")
        with np.load(plan.file) as made:
            arrays = {name: made[name] for name in ("due_s", "sent_s", "seen_s", "review")}
            events = max(int(made["events"]), 1)
            return Run(
                **arrays,
                lists=int(made["lists"]),
                moved=int(made["moved"]),
                generator_us=float(made["cpu_s"]) / events * 1e6,
                before=before,
                after=after,
            )


def _follow(
    process: subprocess.Popen[bytes], plan: Plan, look: Look, progress: Callable[[Answer], None]
) -> tuple[Mapping[str, float] | None, Mapping[str, float] | None]:
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018, S101 - pipes were asked for
    process.stdin.write(msgspec.json.encode(plan))
    process.stdin.close()
    before: Mapping[str, float] | None = None
    after: Mapping[str, float] | None = None
    for line in process.stdout:
        answer = msgspec.json.decode(line, type=Answer)
        if answer.phase != "warming" and before is None:
            before = look()
        if answer.phase == "done":
            after = look()
        progress(answer)
    process.wait(60)
    return before, after
