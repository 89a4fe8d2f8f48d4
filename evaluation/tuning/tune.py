"""The whole of it: choose on one part of a log, evaluate on the part after it, and say what was found."""

from collections.abc import Callable

import msgspec

from evaluation.tuning.comparison import Accuracy, Comparison, accuracy, compare
from evaluation.tuning.grid import GRID, Choice, Grid, search, trials
from evaluation.tuning.play import TuningLog, play
from penchant.errors import Misconfigured
from serving.catalogue import Catalogue

__all__ = ["Tuned", "check", "plays", "tune"]

_LEAST = 200  # events to look for; below it anything may come out

_Tick = Callable[[], object]


class Trial(msgspec.Struct, frozen=True):
    """What one choice reached on the part that is chosen on."""

    changed: dict[str, float]
    reached: Accuracy


class Tuned(msgspec.Struct, frozen=True):
    """The outcome. changed: what the best choice of the trials changes; nothing if that is the default."""

    events: int
    items: int
    trials: list[Trial]
    changed: dict[str, float]
    judged: Comparison
    verdict: str


def tune(log: TuningLog, catalogue: Catalogue, tick: _Tick, grid: Grid = GRID) -> Tuned:
    """Choose and evaluate; `tick` after each event of each play, `plays(log)` times.

    Raises Misconfigured if there are too few events.
    """
    tried: list[Trial] = []

    def objective(choice: Choice) -> float:
        reached = accuracy(play(log, catalogue, choice, log.choosing, tick).ranks)
        tried.append(Trial(dict(choice.changed), reached))
        return reached.ndcg

    check(log)
    best = search(objective, grid)
    default = play(log, catalogue, Choice(), log.held_out, tick)
    judged = compare(default, play(log, catalogue, best, log.held_out, tick) if best.changed else default)
    return Tuned(
        events=len(log.events),
        items=len(log.items),
        trials=tried,
        changed=dict(best.changed),
        judged=judged,
        verdict=judged.verdict,
    )


def plays(log: TuningLog) -> int:
    """How many events are played at most."""
    return trials() * log.choosing.stop + 2 * len(log.events)


def check(log: TuningLog) -> None:
    """Raise Misconfigured if a part has too few events to look for."""
    for name, part in (("to choose on", log.choosing), ("held out", log.held_out)):
        found = sum(log.events[index].positive for index in part)
        if found < _LEAST:
            raise Misconfigured(
                f"{found} positive events are {name}, {_LEAST} are the least: give a longer log, or look at --positive"
            )
