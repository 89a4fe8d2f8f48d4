"""Who waits for which item."""

from stream.store import Wait
from stream.waiting import WaitingIndex


def test_who_waits_for_an_item_is_found_by_partition() -> None:
    index = WaitingIndex()
    index.update(0, [Wait("i1", "u1", 10), Wait("i1", "u2", 20), Wait("i2", "u1", 30)], ())
    index.update(1, [Wait("i1", "u3", 40)], ())
    assert index.users(["i1"]) == {0: ["u1", "u2"], 1: ["u3"]}
    assert index.users(["i1", "i2"]) == {0: ["u1", "u2"], 1: ["u3"]}
    assert index.users(["i3"]) == {}
    assert ("i1" in index, "i3" in index) == (True, False)
    assert sorted(index.items()) == ["i1", "i2"]
    assert len(index) == 4


def test_an_item_nobody_waits_for_any_more_is_gone() -> None:
    index = WaitingIndex()
    index.update(0, [Wait("i1", "u1", 10)], ())
    index.update(0, (), [Wait("i1", "u1", 0)])
    assert "i1" not in index
    assert index.items() == []
    index.update(0, (), [Wait("i1", "u1", 0), Wait("never", "u1", 0)])
    assert len(index) == 0


def test_the_deadline_may_move() -> None:
    index = WaitingIndex()
    index.update(0, [Wait("i1", "u1", 10)], ())
    index.update(0, [Wait("i1", "u1", 50)], ())
    assert len(index) == 1
    assert index.overdue(49) == {}
    assert index.overdue(50) == {0: ["u1"]}


def test_two_events_for_one_item_folded_in_one_batch_leave_nobody_waiting() -> None:
    """The first leaves the second's deadline behind, the second takes it away: in this order, as the store does."""
    index = WaitingIndex()
    index.update(0, [Wait("i1", "u1", 10)], ())
    index.update(0, [Wait("i1", "u1", 20)], [Wait("i1", "u1", 0)])
    assert len(index) == 0


def test_a_partition_is_taken_over_and_forgotten_whole() -> None:
    index = WaitingIndex()
    index.update(0, [Wait("i1", "u1", 10)], ())
    index.update(1, [Wait("i1", "u3", 40), Wait("i4", "u3", 40)], ())
    index.replace(1, [Wait("i5", "u4", 60)])
    assert index.users(["i1", "i4", "i5"]) == {0: ["u1"], 1: ["u4"]}
    index.forget(1)
    assert index.items() == ["i1"]
