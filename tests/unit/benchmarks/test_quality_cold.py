"""Fresh systems and made-up streams: windows count what they say, and no rule is followed worse than by its signal."""

from collections.abc import Sequence

import numpy as np

from benchmarks.quality.cold import WINDOWS, cold, streams_of
from benchmarks.quality.made_up import measure
from benchmarks.quality.methods import Method
from evaluation.prequential.data_sets import DatasetEvent
from evaluation.prequential.steps import Step
from serving.arrays import Floats
from stream.events.weights import Weight


class Counts:
    """A method that lists what was learned most often."""

    name = "counts"
    settings: Sequence[float] = (1.0,)

    def __init__(self) -> None:
        self._counts = np.zeros(30)

    def score(self, _: Step, setting: float) -> Floats:
        return setting * self._counts.astype(np.float32)

    def learn(self, step: Step) -> None:
        self._counts[step.event.row] += 1


def events(count: int, row: int) -> list[DatasetEvent]:
    return [DatasetEvent(f"u{n}", row, n, Weight(1.0, 1.0), positive=True) for n in range(count)]


def test_each_stream_begins_with_nothing_and_is_told_by_window() -> None:
    """Given two streams of 400 events that take one item each, then but for their first all events are hits."""
    steps = [iter([Step(each, asked=True) for each in events(400, row)]) for row in (3, 7)]

    def fresh() -> Sequence[Method]:
        return [Counts()]

    windows = cold(steps, fresh, lambda: None)

    assert list(windows) == list(WINDOWS)
    assert [windows[name]["n"] for name in WINDOWS] == [200, 400, 200, 0]
    assert [windows[name]["methods"]["counts"]["hr@10"] for name in list(WINDOWS)[:3]] == [198 / 200, 1.0, 1.0]


def test_a_set_is_cut_into_ten_streams_of_at_most_3000_events() -> None:
    log = events(40_005, 1)
    streams = streams_of(log)
    assert [len(each) for each in streams] == [3000] * 10
    assert [each[0] for each in streams] == [log[int(start)] for start in np.linspace(0, 40_005, 11).astype(int)[:10]]
    assert [len(each) for each in streams_of(log[:20])] == [2] * 10


def test_lists_are_as_good_as_those_by_the_signal_that_is_right() -> None:
    """Given a stream by one rule, and by another from the middle on, then the second is found, too."""
    rules = ["popular within the month", "taken again"]
    found = measure(rules, 2_400)

    assert [each["rule"] for each in found] == rules
    for each in found:
        assert each["n"] == 400
        assert each["ratio"] > 0.95, each
