"""A worker that dies, or freezes, at a named point of its work: `python -m tests.faults.faulty_worker`.

FAULT_POINT   after_announce | after_save | after_publish (which is before the acknowledgement)
FAULT_AT      at how manieth batch of records
FAULT_SIGNAL  KILL or STOP
"""

import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import stream.worker
from serving.state import Vector
from stream.stages import TimedPipeline
from stream.turns import Part
from stream.wordings import Wording


@dataclass
class Fuse:
    """Counts batches at one point, and sends this process its signal at the one that was named."""

    point: str
    left: int
    number: signal.Signals

    def reached(self, point: str, parts: Iterable[Part]) -> None:
        """Pass a point with a batch; one without records, of what waited or was owed, does not count."""
        if point != self.point or not any(part.records for part in parts):
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


def fuse() -> Fuse:
    """The one that the environment describes."""
    number = signal.Signals[f"SIG{os.environ['FAULT_SIGNAL']}"]
    return Fuse(os.environ["FAULT_POINT"], int(os.environ["FAULT_AT"]), number)


@dataclass(frozen=True, kw_only=True)
class FaultyPipeline(TimedPipeline):
    """The worker's pipeline with a fuse in it."""

    fuse: Fuse = field(default_factory=fuse)

    async def announce(self, parts: Iterable[Part]) -> None:
        """See `Pipeline.announce`."""
        await super().announce(parts)
        self.fuse.reached("after_announce", parts)

    async def save(self, parts: Sequence[Part]) -> list[Part]:
        """See `Pipeline.save`."""
        saved = await super().save(parts)
        self.fuse.reached("after_save", parts)
        return saved

    async def run(self, parts: list[Part], texts: Mapping[Wording, Vector]) -> list[Part]:
        """See `Pipeline.run`."""
        saved = await super().run(parts, texts)
        self.fuse.reached("after_publish", parts)
        return saved


if __name__ == "__main__":
    from stream.__main__ import main

    stream.worker.TimedPipeline = FaultyPipeline  # type: ignore[attr-defined]
    code = main()
    sys.stderr.flush()
    os._exit(code)
