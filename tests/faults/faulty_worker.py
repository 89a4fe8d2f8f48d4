"""A worker that dies or freezes at a named point, or has a bug: `python -m tests.faults.faulty_worker`.

FAULT_POINT    after_announce | after_save | after_publish (which is before the acknowledgement)
               | merge_after_save (a handoff was saved and not sent) | merge_after_apply (and this a confirmation)
               | request_after_announce, forward_after_announce, erased_after_announce (a request for a state, a record
               for another user, word of an erasure was sent, and what it is of not saved) | erase_after_save
FAULT_AT       at how manieth record, or of a merge handoff or confirmation, for which that is so
FAULT_SIGNAL   KILL | STOP
FAULT_ENCODER  raise | hang, as long as there is
FAULT_FILE     this file
FAULT_RAISE    bugs in stages of the pipeline (tests/faults/planted.py)
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import serving.model.encoder
import stream.wiring
from serving.model.artifact import Artifact
from serving.model.engines import Engine, Provider
from serving.model.engines.choice import open_engine
from stream.events.transfers import Confirm, Erased, Forwarded, Handoff, Request
from stream.processing.batch import PartitionBatch
from stream.processing.effects import Effects, LiveEffects, RankedLists
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


class FaultyEffects:
    """The effects of the worker's pipeline with a fuse in them."""

    def __init__(self, effects: Effects, burns: Fuse) -> None:
        self._effects = effects
        self._fuse = burns
        self.send_dead_letters = effects.send_dead_letters
        self.republish_if_fenced = effects.republish_if_fenced

    async def publish_side_effects(self, batches: Sequence[PartitionBatch]) -> None:
        """See `Effects.publish_side_effects`."""
        await self._effects.publish_side_effects(batches)
        self._fuse.reached("after_announce", _records(batches))
        for point, message in (
            ("request_after_announce", Request),
            ("forward_after_announce", Forwarded),
            ("erased_after_announce", Erased),
        ):
            sendings = [each for batch in batches for each in batch.first]
            self._fuse.reached(point, sum(isinstance(each.message, message) for each in sendings))

    def rank(self, batches: Sequence[PartitionBatch]) -> RankedLists:
        """See `Effects.rank`."""
        return self._effects.rank(batches)

    async def publish(self, ranked: RankedLists, batches: Sequence[PartitionBatch]) -> None:
        """See `Effects.publish`. The batches were saved just now."""
        self._fuse.reached("after_save", _records(batches))
        self._fuse.reached("erase_after_save", sum(len(batch.erased) for batch in batches))
        for point, message in (("merge_after_save", Handoff), ("merge_after_apply", Confirm)):
            sendings = [each for batch in batches for each in batch.then]
            self._fuse.reached(point, sum(isinstance(each.message, message) for each in sendings))
        await self._effects.publish(ranked, batches)
        self._fuse.reached("after_publish", _records(batches))


def faulty_effects(**parts: Any) -> Effects:
    """See `LiveEffects`."""
    return FaultyEffects(LiveEffects(**parts), fuse())


def _records(batches: Iterable[PartitionBatch]) -> int:
    return sum(len(batch.records) for batch in batches)


class FaultyEngine:
    """The encoder's engine, which fails while the file is there."""

    def __init__(self, engine: Engine) -> None:
        self.provider, self.packing = engine.provider, engine.packing
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

    stream.wiring.LiveEffects = faulty_effects  # type: ignore[assignment, attr-defined]
    if "FAULT_ENCODER" in os.environ:
        serving.model.encoder.open_engine = open_faulty_engine  # type: ignore[assignment, attr-defined]
    plant()
    code = main()
    sys.stderr.flush()
    os._exit(code)
