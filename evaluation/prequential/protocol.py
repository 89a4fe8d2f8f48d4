"""The order of things: which event is looked for when, against what, and which slice it belongs to.

Nothing of a later event is read. A step says what may be known when it is scored; learning it comes after.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from evaluation.prequential.data_sets import NO_TIME_MS, Case, DatasetEvent, DatasetItem
from evaluation.prequential.steps import Step
from penchant.errors import Misconfigured
from serving.arrays import Mask
from stream.events.weights import Weight

_COLD = 5  # a user with fewer earlier positives is cold
_DAY_MS = 86_400_000
_LONG_MS = 2**60  # before all times
_INTERACTION = Weight(1.0, 1.0)  # cases do not say what was done


def of_cases(cases: Sequence[Case]) -> Iterator[Step]:
    """Steps of next-item cases, whose clock is `seq`: what is new of a case's history is learned, then its target.

    Histories are windows: what is new is what follows the longest overlap with what was learned of that user.
    """
    known: dict[str, list[int]] = {}
    last: dict[str, int] = {}
    interacted: set[int] = set()
    before = ""
    for case in cases:
        past = known.get(case.user, [])
        overlap = next((m for m in range(min(len(past), len(case.history)), 0, -1) if past[-m:] == case.history[:m]), 0)
        time_ms = 1000 * case.seq
        for row in case.history[overlap:]:
            interacted.add(row)
            yield Step(DatasetEvent(case.user, row, time_ms, _INTERACTION, positive=True), measured=case.test)
        yield Step(
            DatasetEvent(case.user, case.row, time_ms, _INTERACTION, positive=True),
            asked=True,
            measured=case.test,
            idle=case.seq - last[case.user] - 1 if case.user in last else np.inf,
            unseen=case.row not in interacted,
            cold_user=len(case.history) < _COLD,
            burst=before == case.user,
        )
        interacted.add(case.row)
        known[case.user] = [*case.history, case.row]
        last[case.user], before = case.seq, case.user


class CandidateFilter:
    """What may be listed at a time: `all`, `since:items` (what exists by then), `window:DAYS` (interacted with lately).

    timed: whether the events have times. Raises Misconfigured for another rule, or one that needs times without them.
    """

    def __init__(self, rule: str, items: Sequence[DatasetItem], *, timed: bool = True) -> None:
        kind, _, value = rule.partition(":")
        if rule not in {"all", "since:items"} and not (kind == "window" and value.isdecimal() and int(value) > 0):
            raise Misconfigured(f"--candidates {rule!r}: write all, since:items or window:DAYS")
        if rule != "all" and not timed:
            raise Misconfigured(f"--candidates {rule} needs times: the events have no `ts`; use all")
        if rule == "since:items" and all(item.time_ms == NO_TIME_MS for item in items):
            raise Misconfigured("--candidates since:items needs times: the items have no `ts`; use all or window:DAYS")
        self._window_ms = int(value) * _DAY_MS if kind == "window" else None
        since = [item.time_ms if kind == "since" and item.time_ms != NO_TIME_MS else -_LONG_MS for item in items]
        self._since = np.array(since, np.int64)
        self._last = np.full(len(items), -_LONG_MS, np.int64)

    def at(self, time_ms: int) -> Mask:
        """`(n,) bool`, a new array."""
        if self._window_ms is not None:
            return self._last >= time_ms - self._window_ms
        return self._since <= time_ms

    def has(self, row: int, time_ms: int) -> bool:
        """Whether one item may be listed."""
        if self._window_ms is not None:
            return bool(self._last[row] >= time_ms - self._window_ms)
        return bool(self._since[row] <= time_ms)

    def add(self, event: DatasetEvent) -> None:
        """Take in an event."""
        self._last[event.row] = event.time_ms


def of_events(events: Sequence[DatasetEvent], candidates: CandidateFilter, *, repeats: bool) -> Iterator[Step]:
    """Steps of a stream, the last half of them measured. Without `repeats` a user is not asked for an item again.

    A positive event on an item that is no candidate (no interaction within the window) is learned and not asked for.
    The candidates are told of the steps that ask.
    """
    half = (len(events) + 1) // 2
    mine: dict[str, set[int]] = {}
    positives: dict[str, int] = {}
    last: dict[str, int] = {}
    interacted: set[int] = set()
    before = ""
    for index, event in enumerate(events):
        seen = mine.setdefault(event.user, set())
        new = repeats or event.row not in seen
        asked = event.positive and new and candidates.has(event.row, event.time_ms)
        mask = candidates.at(event.time_ms) if asked else None
        if mask is not None and not repeats:
            mask[list(seen)] = False
        yield Step(
            event,
            asked=asked,
            measured=index >= half,
            idle=index - last[event.user] - 1 if event.user in last else np.inf,
            candidates=mask,
            unseen=event.row not in interacted,
            cold_user=positives.get(event.user, 0) < _COLD,
            burst=before == event.user,
        )
        seen.add(event.row)
        interacted.add(event.row)
        candidates.add(event)
        positives[event.user] = positives.get(event.user, 0) + event.positive
        last[event.user], before = index, event.user
