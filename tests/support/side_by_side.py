"""How tests share processes: what runs in one, and in which order processes take it.

Tests on a broker wait most of the time, all others compute. Taken file after file, those with the most tests first, all
that waits came last, three at a time, while a core stood idle.
"""

from itertools import accumulate

import pytest
from xdist.scheduler import LoadScopeScheduling

# Files whose tests start all that they need themselves, and take long: they may run beside each other.
APART = ("burst", "clock", "local", "local_lasts", "renewed_lists", "restart", "adopt", "replay_beside")
_LONG = ("replay", "secrets")  # as long as those, by its tests together
# They share films with their vectors and what all ratings teach, which a process takes half a minute to make.
FILMS = ("explanations", "fatigue", "live_films", "negations", "statements", "true_film_reasons")
_FILMS = "tests/integration/films"
_WAITS = "kafka"  # the marker
_Group = list[pytest.Item]


class SideBySide(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """A file's tests run in one process, as they share a catalogue and a worker, but for APART and FILMS."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """What runs in one process.

    >>> group("tests/acceptance/test_local.py::test_a[1]"), group("tests/acceptance/test_dlq.py::test_b")
    ('tests/acceptance/test_local.py::test_a[1]', 'tests/acceptance/test_dlq.py')
    >>> group("tests/integration/test_fatigue.py::test_c")
    'tests/integration/films'
    """
    if nodeid.startswith("tests/integration/") and _name(nodeid) in FILMS:
        return _FILMS
    return nodeid if _name(nodeid) in APART else nodeid.partition("::")[0]


def arranged(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests in the order in which they are taken: at any time the same share of those that wait."""
    by_group: dict[str, _Group] = {}
    for item in items:
        by_group.setdefault(group(item.nodeid), []).append(item)
    groups = list(by_group.values())
    waiting = [tests for tests in groups if _waits(tests)]
    waiting.sort(key=lambda tests: _name(tests[0].nodeid) not in APART + _LONG)  # the longest first: no long end
    computing = [tests for tests in groups if not _waits(tests)]
    placed = [*_spread(waiting, [1] * len(waiting)), *_spread(computing, [len(tests) for tests in computing])]
    return [item for _, tests in sorted(placed, key=lambda one: one[0]) for item in tests]


def _name(nodeid: str) -> str:
    """tests/acceptance/test_local.py::test_a: local."""
    return nodeid.partition("::")[0].rpartition("/test_")[2].removesuffix(".py")


def _waits(tests: _Group) -> bool:
    return tests[0].get_closest_marker(_WAITS) is not None


def _spread(groups: list[_Group], weights: list[int]) -> list[tuple[float, _Group]]:
    """Each with the share, 0 to 1, of all weights that stand before it."""
    before = accumulate(weights, initial=0)
    return [(weight / sum(weights), tests) for weight, tests in zip(before, groups, strict=False)]
