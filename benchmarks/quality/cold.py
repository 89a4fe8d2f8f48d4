"""Cold start of a whole system: a set cut into streams that each begin with nothing, and what is hit as they go on."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.quality.methods import Method, TunedMethod
from evaluation.measures import summary
from evaluation.prequential.data_sets import DatasetEvent
from evaluation.prequential.steps import Step, rank_of

STREAMS = 10
WINDOWS = {"1-100": (0, 100), "100-300": (100, 300), "300-1000": (300, 1000), "1000-3000": (1000, 3000)}
_MOST = max(end for _, end in WINDOWS.values())


def streams_of(events: Sequence[DatasetEvent]) -> list[Sequence[DatasetEvent]]:
    """Ten parts one after the other, of each at most so many events as the last window reaches."""
    ends = np.linspace(0, len(events), STREAMS + 1).astype(int).tolist()
    return [events[start : min(end, start + _MOST)] for start, end in pairwise(ends)]


def cold(
    streams: Sequence[Iterator[Step]], methods: Callable[[], Sequence[Method]], tick: Callable[[], object]
) -> dict[str, Any]:
    """By window `n` and by method its measures, over all streams; `tick` after each event.

    methods: makes those of a stream, which know nothing. A setting is chosen by what came before in the stream.
    """
    ranks: dict[str, dict[str, list[float]]] = {window: {} for window in WINDOWS}
    for steps in streams:
        tuned = [TunedMethod(method, every=1) for method in methods()]
        for place, step in enumerate(steps):
            window = next(name for name, (_, end) in WINDOWS.items() if place < end)
            for each in tuned:
                if step.asked:
                    ranks[window].setdefault(each.name, []).append(rank_of(each.score(step), step))
                    each.before(step)
            for each in tuned:
                each.learn(step)
            tick()
    return {
        window: {
            "n": len(next(iter(found.values()), [])),
            "methods": {name: summary(np.array(own)) for name, own in found.items()},
        }
        for window, found in ranks.items()
    }
