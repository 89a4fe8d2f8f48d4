"""What published lists hold: found by what went, bounded, the same after a restart."""

from collections.abc import Sequence

import pytest

from serving.catalogue import Catalogue
from serving.state.user_state import Ref
from stream.store.published_lists import PublishedList, PublishedLists, Why

K = 3
CAUSE = Ref("clicks", 0, 7, "c7", 1)


def catalogue_of(*ids: str) -> Catalogue:
    catalogue = Catalogue(2, "f")
    for item_id in ids:
        catalogue.available[catalogue.row(item_id)] = True
    return catalogue


def made(*ids: str, made_s: int = 100, active: bool = True, live: bool = True, wanting: bool = False) -> PublishedList:
    return PublishedList(ids, CAUSE, made_s, live, wanting, active)


def due(lists: PublishedLists, now_s: int = 101, most: int = 9, after_s: int = 1000) -> list[tuple[str, Why]]:
    return [(each.user_id, each.why) for each in lists.due(now_s, after_s, most)[0]]


async def test_lists_that_hold_what_went_are_due_once() -> None:
    catalogue = catalogue_of(*"abcd")
    lists = PublishedLists(catalogue, K)
    lists.note(0, "t", "u1", made(*"abc"))
    lists.note(1, "t", "u2", made(*"bcd"))
    catalogue.available[catalogue.row("a")] = False
    await lists.look()
    assert due(lists) == [("u1", Why.GONE)]
    assert due(lists) == []
    await lists.look()
    assert due(lists) == []


async def test_what_came_and_went_between_two_looks_went() -> None:
    catalogue = catalogue_of(*"abc")
    lists = PublishedLists(catalogue, K)
    await lists.look()
    catalogue.available[catalogue.row("new")] = True
    lists.note(0, "t", "u1", made("new", "a", "b"))
    catalogue.available[catalogue.row("new")] = False
    await lists.look()
    assert due(lists) == [("u1", Why.GONE)]


async def test_what_is_wrong_comes_before_what_is_old_and_the_newest_first() -> None:
    catalogue = catalogue_of(*"abcd")
    lists = PublishedLists(catalogue, K)
    for at, user in enumerate(["u0", "u1", "u2"]):
        lists.note(0, "t", user, made(*"abc", made_s=100 + at))
    lists.note(0, "t", "wrong", made(*"bcd", made_s=50))
    lists.note(0, "t", "trending", made(*"abc", made_s=50, live=False))
    catalogue.available[catalogue.row("d")] = False
    await lists.look()
    assert lists.due(1200, 1000, 2)[1] == 2
    assert due(lists, 1200) == [("u1", Why.EXPIRING), ("u0", Why.EXPIRING)]


async def test_a_short_list_waits_for_more_items() -> None:
    catalogue = catalogue_of("a")
    lists = PublishedLists(catalogue, K)
    lists.note(0, "t", "short", made("a"))
    lists.note(0, "t", "all seen", made("a", "a", "a", wanting=True))
    lists.note(0, "t", "full", made("a", "a", "a"))
    assert due(lists) == []
    catalogue.available[catalogue.row("b")] = True
    assert due(lists, now_s=100) == [], "items come by the hundred: not twice in a second"
    assert sorted(due(lists)) == [("all seen", Why.SHORT), ("short", Why.SHORT)]


async def test_a_list_without_an_event_does_not_make_its_user_active() -> None:
    lists = PublishedLists(catalogue_of(*"abc"), K)
    lists.note(0, "t", "u1", made(*"abc"))
    lists.note(0, "t", "u1", made(*"abc", made_s=500, active=False))
    lists.note(0, "t", "u2", made(*"abc", made_s=500))
    lists.expire(101)
    assert ("u1" in lists, "u2" in lists, len(lists)) == (False, True, 1)
    assert lists.unsaved(0)["u1"] is None, "the store is told so"


async def test_another_process_takes_over_what_was_saved() -> None:
    """Given lists in the store, one of which holds what went, when they are restored, then newer ones stand."""
    first = PublishedLists(catalogue_of(*"abcd"), K)
    for user, ids in {"u1": "abc", "u2": "bcd", "u3": "abd"}.items():
        first.note(0, "t", user, made(*ids, made_s=100))
    first.note(0, "t", "u4", made("a", "b"))
    entries = {user: entry for user, entry in first.unsaved(0).items() if entry is not None}
    first.saved(0, entries)
    assert first.unsaved(0) == {}

    second = PublishedLists(catalogue_of(*"dba"), K)  # c went for good, and rows have other numbers
    second.begin(0, "new")
    second.note(0, "new", "u2", made(*"dba", made_s=200))
    second.restore(0, "new", entries | {"broken": b"\xc1", "odd": b"\x96"})
    second.restore(0, "another lease", {"u9": entries["u1"]})
    assert due(second) == [("u1", Why.GONE)]
    assert len(second) == 4
    second.keep({1})
    assert (len(second), second.bytes) == (0, 0)


async def test_another_lease_begins_anew() -> None:
    lists = PublishedLists(catalogue_of(*"abc"), K)
    lists.note(0, "t", "u1", made(*"abc"))
    lists.note(1, "t", "u2", made(*"abc"))
    assert lists.begin(0, "t2")
    assert not lists.begin(0, "t2")
    assert ("u1" in lists, "u2" in lists, lists.unsaved(0)) == (False, True, {})


async def test_what_is_saved_late_is_not_taken_for_what_came_since() -> None:
    lists = PublishedLists(catalogue_of(*"abc"), K)
    lists.note(0, "t", "u1", made(*"abc"))
    saving = lists.unsaved(0)
    lists.note(0, "t", "u1", made(*"ab", made_s=200))
    lists.saved(0, saving)
    assert lists.unsaved(0).keys() == {"u1"}


@pytest.mark.parametrize("forget", [True, False])
def test_who_is_erased_leaves_nothing(forget: bool) -> None:
    lists = PublishedLists(catalogue_of(*"abc"), K)
    lists.note(0, "t", "u1", made(*"abc"))
    if forget:
        lists.forget(["u1", "nobody"])
        assert lists.unsaved(0) == {"u1": None}
    lists.erase(0, ["u1", "nobody"])
    assert (lists.unsaved(0), len(lists), lists.bytes) == ({}, 0, 0)


def test_memory_is_bounded_and_who_was_active_last_stays() -> None:
    ids: Sequence[str] = "abc"
    lists = PublishedLists(catalogue_of(*ids), K, most_bytes=100_000)
    for n in range(2_000):
        lists.note(0, "t", f"u{n}", made(*ids, made_s=100 + n))
    assert lists.bytes <= 100_000
    assert 200 <= len(lists) <= 400
    assert all(f"u{n}" in lists for n in range(1_800, 2_000))
    gone = set[str]()
    while unsaved := lists.unsaved(0):
        assert len(unsaved) <= len(lists) + 500
        gone |= {user for user, entry in unsaved.items() if entry is None}
        lists.saved(0, unsaved)
    assert len(gone) == 2_000 - len(lists)
