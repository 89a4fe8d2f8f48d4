"""A worker that dies or freezes at a named point, or has a bug: `python -m tests.faults.faulty_worker`.

FAULT_POINT    after_announce | after_save | after_publish (which is before the acknowledgement)
               | merge_after_save (a hand-over was saved and not sent) | merge_after_apply (and this a confirmation)
FAULT_AT       at how manieth record, or of a merge hand-over or confirmation, for which that is so
FAULT_SIGNAL   KILL | STOP
FAULT_ENCODER  raise | hang, as long as there is
FAULT_FILE     this file
FAULT_RAISE    bugs in stages of the pipeline (tests/faults/planted.py)
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

import serving.model.encoder
import stream.worker
from serving.model.artifact import Artifact
from serving.model.engines import Engine
from serving.model.engines.onnx_runtime import Provider, open_engine
from serving.state.user_state import Vector
from stream.events.encoder_input import EncoderInput
from stream.events.transfers import Confirm, Handoff
from stream.pipeline import Pipeline
from stream.processing.batch import PartitionBatch
from tests.faults.planted import plant


@dataclass
class Fuse:
    """Counts what comes to one point, and sends this process its signal at the one that was named."""

    point: str
    left: int
    number: signal.Signals

    def reached(self, point: str, count: int) -> None:
        """Pass a point with so many; by records, as batches are larger the more is waiting."""
        if point == self.point and self.left > 0:
            self.left -= count
            if self.left <= 0:
                os.kill(os.getpid(), self.number)


def fuse() -> Fuse:
    """The one that the environment describes; without one there it never burns."""
    number = signal.Signals[f"SIG{os.environ.get('FAULT_SIGNAL', 'KILL')}"]
    return Fuse(os.environ.get("FAULT_POINT", ""), int(os.environ.get("FAULT_AT", "0")), number)


@dataclass(frozen=True, kw_only=True)
class FaultyPipeline(Pipeline):
    """The worker's pipeline with a fuse in it."""

    fuse: Fuse = field(default_factory=fuse)

    async def publish_side_effects(self, parts: Iterable[PartitionBatch]) -> None:
        """See `Pipeline.publish_side_effects`."""
        await super().publish_side_effects(parts)
        self.fuse.reached("after_announce", _records(parts))

    async def save(self, parts: Sequence[PartitionBatch]) -> list[PartitionBatch]:
        """See `Pipeline.save`."""
        saved = await super().save(parts)
        self.fuse.reached("after_save", _records(parts))
        for point, message in (("merge_after_save", Handoff), ("merge_after_apply", Confirm)):
            self.fuse.reached(point, sum(isinstance(each.message, message) for part in saved for each in part.then))
        return saved

    async def run(self, parts: list[PartitionBatch], texts: Mapping[EncoderInput, Vector]) -> list[PartitionBatch]:
        """See `Pipeline.run`."""
        saved = await super().run(parts, texts)
        self.fuse.reached("after_publish", _records(parts))
        return saved


def _records(parts: Iterable[PartitionBatch]) -> int:
    return sum(len(part.records) for part in parts)


class FaultyEngine:
    """The encoder's engine, which fails while the file is there."""

    def __init__(self, engine: Engine) -> None:
        self.provider = engine.provider
        self._engine = engine
        self._fault, self._file = os.environ["FAULT_ENCODER"], Path(os.environ["FAULT_FILE"])

    def run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """See `Engine.run`."""
        while self._file.exists():
            if self._fault == "raise":
                raise RuntimeError("the encoder was told to raise")
            time.sleep(0.05)
        return self._engine.run(ids, mask)


def open_faulty_engine(artifact: Artifact, provider: Provider, threads: int) -> Engine:
    """See `open_engine`."""
    return FaultyEngine(open_engine(artifact, provider, threads))


if __name__ == "__main__":
    from stream.__main__ import main

    stream.worker.Pipeline = FaultyPipeline  # type: ignore[attr-defined]
    if "FAULT_ENCODER" in os.environ:
        serving.model.encoder.open_engine = open_faulty_engine  # type: ignore[assignment, attr-defined]
    plant()
    code = main()
    sys.stderr.flush()
    os._exit(code)
