import json

import numpy as np

from benchmarks.performance.load.matching import Ledger


def made(user: str, items: list[str], *events: str, waiting: bool = False) -> bytes:
    folded = [{"event_id": event, "waiting": waiting} for event in events]
    return json.dumps({"user_id": user, "folded": folded, "items": [{"item_id": each} for each in items]}).encode()


def test_an_event_is_answered_by_the_first_list_that_names_it() -> None:
    ledger = Ledger("run", 3)

    assert ledger.take(made("u1", ["a"], "run-0", "run-2"), 1.0) == 2
    assert ledger.take(made("u1", ["a"], "run-2"), 2.0) == 0

    assert ledger.received == 2
    np.testing.assert_array_equal(ledger.seen_s, [1.0, np.nan, 1.0])


def test_a_list_that_names_an_event_as_waiting_does_not_answer_it() -> None:
    ledger = Ledger("run", 1)

    assert ledger.take(made("u1", ["a"], "run-0", waiting=True), 1.0) == 0
    assert ledger.take(made("u1", ["a"], "run-0"), 2.0) == 1

    assert ledger.seen_s.tolist() == [2.0]


def test_events_of_another_run_are_nobodys() -> None:
    ledger = Ledger("run", 1)

    assert ledger.take(made("u1", ["a"], "other-0"), 1.0) == 0


def test_lists_that_moved_are_counted_against_the_version_before() -> None:
    ledger = Ledger("run", 9)

    for n, items in enumerate((["a", "b"], ["a", "b"], ["b", "a"], ["c"])):
        ledger.take(made("u1", items, f"run-{n}"), 1.0)
    ledger.take(made("u2", ["a"], "run-5"), 1.0)
    ledger.take(made("u2", ["d"]), 1.0)  # made again without an event

    assert (ledger.lists, ledger.moved) == (3, 2)
