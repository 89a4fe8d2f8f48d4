"""Peers are timed on the same work; an interpreter without them is told, and left out."""

import sys

import pytest

from benchmarks.peers.__main__ import compare, made
from benchmarks.peers.peer_process import Work, measure
from penchant.errors import Misconfigured


class _Counts:
    """Lists the items that were interacted with most; its lists move with every event."""

    def __init__(self, work: Work) -> None:
        self._k = work.k
        self._counts = [0] * work.items
        for user, item in work.history:
            self.update(user, item)

    def update(self, _: int, item: int) -> None:
        self._counts[item] += 1

    def list_of(self, _: int) -> list[int]:
        return sorted(range(len(self._counts)), key=lambda item: -self._counts[item])[: self._k]


def test_a_peer_is_timed_and_its_moved_lists_are_counted() -> None:
    work = Work(items=5, users=2, k=5, history=[(0, 0)], events=[(0, 1), (1, 1), (0, 1), (1, 1)])
    figures = measure(_Counts(work), work)
    assert figures["events"] == 4
    assert figures["moved"] == pytest.approx(0.25)  # once item 1 passes item 0
    assert figures["list_us"] >= 0.0


def test_work_is_the_same_each_time() -> None:
    work = made(items=100, users=10, history=300, events=20, k=5)
    assert work == made(items=100, users=10, history=300, events=20, k=5)
    assert (len(work.history), len(work.events)) == (300, 20)


def test_an_interpreter_without_peers_is_told() -> None:
    wanted = {"python": sys.executable, "items": 100, "users": 10, "history": 100, "events": 5, "k": 5}
    with pytest.raises(Misconfigured, match="has no rtrec, no implicit, no river"):
        compare(wanted, lambda *_: None)
