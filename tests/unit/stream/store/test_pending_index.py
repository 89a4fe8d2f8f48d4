"""Who waits for which item."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from stream.processing.pending_events import MERGES, RETRACTIONS, TEXTS
from stream.store.base import Wait
from stream.store.pending_index import PendingIndex


def test_who_waits_for_an_item_is_found_by_partition() -> None:
    index = PendingIndex()
    index.update(0, [Wait("i1", "u1", 10), Wait("i1", "u2", 20), Wait("i2", "u1", 30)], ())
    index.update(1, [Wait("i1", "u3", 40)], ())
    assert index.users(["i1"]) == {0: ["u1", "u2"], 1: ["u3"]}
    assert index.users(["i1", "i2"]) == {0: ["u1", "u2"], 1: ["u3"]}
    assert index.users(["i3"]) == {}
    assert ("i1" in index, "i3" in index) == (True, False)
    assert sorted(index.items()) == ["i1", "i2"]
    assert len(index) == 4


def test_an_item_nobody_waits_for_any_more_is_gone() -> None:
    index = PendingIndex()
    index.update(0, [Wait("i1", "u1", 10)], ())
    index.update(0, (), [Wait("i1", "u1", 0)])
    assert "i1" not in index
    assert index.items() == []
    index.update(0, (), [Wait("i1", "u1", 0), Wait("never", "u1", 0)])
    assert len(index) == 0


def test_the_deadline_may_move() -> None:
    index = PendingIndex()
    index.update(0, [Wait("i1", "u1", 10)], ())
    index.update(0, [Wait("i1", "u1", 50)], ())
    assert len(index) == 1
    assert index.overdue(49) == {}
    assert index.overdue(50) == {0: ["u1"]}


def test_two_events_for_one_item_folded_in_one_batch_leave_nobody_waiting() -> None:
    """The first leaves the second's deadline behind, the second takes it away: in this order, as the store does."""
    index = PendingIndex()
    index.update(0, [Wait("i1", "u1", 10)], ())
    index.update(0, [Wait("i1", "u1", 20)], [Wait("i1", "u1", 0)])
    assert len(index) == 0


def test_a_partition_is_taken_over_and_forgotten_whole() -> None:
    index = PendingIndex()
    index.update(0, [Wait("i1", "u1", 10)], ())
    index.update(1, [Wait("i1", "u3", 40), Wait("i4", "u3", 40)], ())
    index.replace(1, [Wait("i5", "u4", 60)])
    assert index.users(["i1", "i4", "i5"]) == {0: ["u1"], 1: ["u4"]}
    index.forget(1)
    assert index.items() == ["i1"]


def test_only_what_has_come_is_told_and_once() -> None:
    """Also an item whose vector came while the event was on its way here; and never what is no item."""
    index = PendingIndex()
    index.update(0, [Wait("i1", "u1", 10), Wait("known", "u2", 10), Wait(TEXTS, "u3", 10)], ())
    index.update(0, [Wait(RETRACTIONS, "u4", 10), Wait(MERGES, "u5", 10)], ())
    assert index.woken({"known"}) == {0: ["u2"]}
    assert (index.woken({"known", "i1"}), index.busy) == ({}, False), "nothing was heard of i1 since"
    assert (index.came("i1"), index.came("i9")) == (True, False)
    assert index.woken({"known", "i1"}) == {0: ["u1"]}


def test_a_partition_that_is_taken_over_is_looked_through_for_what_came_before() -> None:
    index = PendingIndex()
    index.replace(3, [Wait("i1", "u1", 10), Wait("i2", "u2", 10)])
    assert index.woken({"i2"}) == {3: ["u2"]}


def test_of_many_who_wait_for_one_item_some_are_told_of_at_once_and_all_in_turns() -> None:
    index = PendingIndex()
    for partition in range(3):
        index.update(partition, [Wait("hot", f"u{partition}-{n}", 10) for n in range(10 * (partition + 1))], ())
    rounds = []
    while users := index.woken({"hot"}, 9):
        rounds.append([(partition, user) for partition, some in users.items() for user in some])
        assert index.busy is (len(rounds) < 7)
        index_of = [(partition, [Wait("hot", user, 0) for user in some]) for partition, some in users.items()]
        for partition, gone in index_of:
            index.update(partition, (), gone)
    assert [len(each) for each in rounds] == [9] * 6 + [6]
    assert len({each for some in rounds for each in some}) == 60
    assert len(index) == 0


def test_who_was_told_of_and_waits_on_is_told_of_again_after_a_minute_only() -> None:
    index = PendingIndex()
    index.update(0, [Wait("i1", "u1", 10), Wait("i1", "u2", 10)], ())
    assert index.overdue(10) == {0: ["u1", "u2"]}
    index.update(0, (), [Wait("i1", "u2", 0)])
    assert index.overdue(60_009) == {}
    assert index.overdue(60_010) == {0: ["u1"]}
    assert index.woken({"i1"}) == {0: ["u1"]}
    assert (index.woken({"i1"}), index.busy) == ({}, False), "no busy loop over what does not go"


def test_of_many_who_are_overdue_some_are_told_of_at_once() -> None:
    index = PendingIndex()
    index.update(0, [Wait(f"i{n}", f"u{n}", n) for n in range(2500)], ())
    assert index.woken(set()) == {}
    told = []
    while users := index.overdue(2499, 1000):
        told.append(len(users[0]))
        assert index.busy is (len(told) < 3)
    assert told == [1000, 1000, 500]


def test_what_left_does_not_pile_up() -> None:
    index = PendingIndex()
    for n in range(10_000):
        index.update(0, [Wait(f"i{n}", "u", 10**12 + n)], ())
        index.update(0, (), [Wait(f"i{n}", "u", 0)])
    assert (len(index), index.overdue(10**13)) == (0, {})
    index.update(0, [Wait("stays", "u", 5)], ())
    for n in range(10_000):
        index.update(0, [Wait("moves", "u", 10**12 + n)], ())
        index.update(0, (), [Wait(f"i{n}", "u", 0)])
    assert len(index._partitions[0]._heap) < 200


_waits = st.builds(Wait, st.sampled_from("abcd"), st.sampled_from(["u1", "u2", "u3"]), st.integers(0, 20))
_steps = st.lists(st.tuples(st.integers(0, 2), st.lists(_waits, max_size=3), st.lists(_waits, max_size=3)), max_size=20)


@given(_steps, st.integers(0, 25), st.sampled_from("abcd"))
def test_it_says_what_a_plain_list_says(steps: list[tuple[int, list[Wait], list[Wait]]], now: int, item: str) -> None:
    index, plain = PendingIndex(), dict[tuple[int, str, str], int]()
    for partition, waits, no_longer in steps:
        index.update(partition, waits, no_longer)
        plain |= {(partition, wait.item_id, wait.user_id): wait.deadline_ms for wait in waits}
        for wait in no_longer:
            plain.pop((partition, wait.item_id, wait.user_id), None)
    waiting = {(partition, user) for partition, item_id, user in plain if item_id == item}
    assert (len(index), sorted(index.items())) == (len(plain), sorted({item_id for _, item_id, _ in plain}))
    assert (index.count(item), item in index) == (len(waiting), bool(waiting))
    assert pairs(index.users([item])) == waiting
    assert pairs(index.overdue(now)) == {(partition, user) for (partition, _, user), at in plain.items() if at <= now}
    assert pairs(index.woken(item)) == waiting
    asked = Counter(each for _ in range(9) for each in pairs(index.next_users(item, 1)))
    assert set(asked) == waiting
    index.forget(1)
    assert len(index) == sum(partition != 1 for partition, _, _ in plain)


def test_half_a_million_who_wait_cost_a_look_nothing() -> None:
    """A look at all of them took .4 s of the loop, each second."""
    index = PendingIndex()
    for partition in range(4):
        index.replace(partition, [Wait(f"i{n % 100_000}", f"u{n}", 10**12 + n) for n in range(125_000)])
    while index.busy:
        assert index.woken(set()) == {}
    began = time.process_time()
    for _ in range(100):
        assert (index.woken(set()), index.overdue(10**11), len(index)) == ({}, {}, 500_000)
    assert time.process_time() - began < 4.0, "100 looks, which took 40 s"


def pairs(told: Mapping[int, Sequence[str]]) -> set[tuple[int, str]]:
    return {(partition, user) for partition, users in told.items() for user in users}
