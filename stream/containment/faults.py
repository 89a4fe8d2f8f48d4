"""What nobody foresaw, contained: a batch that raises is halved until the record that does it stands alone.

Everybody else in the batch is served, and the record becomes a dead letter (`internal`) with its bytes and with the
exception's name and place; `penchant dlq redrive` sends it back once the cause is fixed. Errors of ours
(penchant/errors.py) are none of this: each has a decision of its own. A hundred in a row without one success are no bad
records but a fault that hits everything: that stops the worker.
"""

import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypeVar

from penchant.errors import Broken, PenchantError, RejectReason
from stream.containment.quarantine import Quarantine, Unwatched
from stream.events.records import DeadLetter, Record

MOST_IN_A_ROW = 100
_ROOT = PurePath(__file__).parents[2]  # where our packages lie, in a checkout or among others
_PACKAGES = {"penchant", "serving", "stream", "export", "evaluation", "deploy", "tests"}
# A stage of the pipeline, by the function that it is (stream/pipeline.py).
_STAGES = {
    "decode": "decode",
    "embed": "embed",
    "load": "load",
    "apply": "fold",
    "publish_side_effects": "send",
    "save": "save",
    "rank": "answer",
    "send": "send",
}
_T = TypeVar("_T")
_R = TypeVar("_R")
_log = logging.getLogger(__name__)


async def by_halves(
    items: Sequence[_T],
    run: Callable[[Sequence[_T]], Awaitable[_R]],
    alone: Callable[[_T, Exception], Awaitable[_R]],
) -> list[_R]:
    """Run over all items at once; where that raises over each half, in order; `alone` deals with the one that raises.

    Raises PenchantError as `run` does, and whatever `alone` raises.
    """
    try:
        return [await run(items)]
    except PenchantError:
        raise
    except Exception as error:
        if not items:
            raise
        if len(items) == 1:
            return [await alone(items[0], error)]
    half = len(items) // 2
    return [*await by_halves(items[:half], run, alone), *await by_halves(items[half:], run, alone)]


class Faults:
    """Counts what was contained. `on_contained` is told the stage of each, for the metrics."""

    def __init__(self, on_contained: Callable[[str], None] = lambda _: None) -> None:
        self._on_contained = on_contained
        self._in_a_row = 0

    def fine(self) -> None:
        """Note that something was taken in."""
        self._in_a_row = 0

    def dead_letter(self, record: Record, error: Exception) -> DeadLetter:
        """Make a dead letter of a record that raised, and say so in the log.

        Raises Broken if this was one too many in a row.
        """
        (dead_letter,) = self.dead_letters([record], error)
        return dead_letter

    def dead_letters(self, records: Sequence[Record], error: Exception) -> list[DeadLetter]:
        """Likewise of records that raised together, which count as one."""
        stage, why = _stage_of(error), described(error)
        what = records[0].position if records else "an unpublished list"
        self.note(what, stage, error)
        return [DeadLetter(record, RejectReason.INTERNAL, why, stage) for record in records]

    def note(self, what: str, stage: str, error: Exception) -> None:
        """Count a fault, and say in the log what became a dead letter for it. Raises Broken as `dead_letter` does."""
        why = described(error)
        _log.error("action=contained stage=%s %s became a dead letter: %s", stage, what, why, exc_info=error)
        self._on_contained(stage)
        self._in_a_row += 1
        if self._in_a_row >= MOST_IN_A_ROW:
            raise Broken(
                f"{self._in_a_row} records in a row could not be taken in, the last one for {why}: that is no fault of "
                "the records. They are in the dead letters (`penchant dlq redrive --reason internal` once it is fixed)"
            ) from error


@dataclass(frozen=True, slots=True)
class Guard:
    """What stands between a pipeline and records that could end it: by raising, or by killing its process."""

    faults: Faults = field(default_factory=Faults)
    quarantine: Quarantine | Unwatched = field(default_factory=Unwatched)


def described(error: BaseException) -> str:
    """The exception's name, its words, and the place in our own code where it came from."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = PurePath(frame.filename)
        inside = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else PurePath("elsewhere")
        if inside.parts[0] in _PACKAGES:
            place = f" at {inside}:{frame.lineno} in {frame.name}"
    return f"{type(error).__name__}: {error}{place}"


def _stage_of(error: BaseException) -> str:
    """The stage of the pipeline that an exception came from."""
    frames = traceback.extract_tb(error.__traceback__)
    known = [_STAGES[frame.name] for frame in frames if frame.name in _STAGES]
    return known[0] if known else "fold"
