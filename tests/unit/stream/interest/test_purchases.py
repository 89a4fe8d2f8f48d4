"""What the item statistics are told of purchases: one visit's view, cart and purchase are one interaction."""

import msgspec

from penchant.messages import CoVisitEvent
from serving.state.purchases import VISIT_S, unpack_before
from serving.state.user_state import item_hash
from stream.testing import NOW_MS
from tests.support.pipeline import FakeWorker, click

DAY_MS = 86_400_000


async def told(worker: FakeWorker, *acts: tuple[str, str, int]) -> list[CoVisitEvent]:
    """Of actions on items at times before the clock."""
    at = enumerate(acts)
    await worker.takes(*(click(n, item, type=kind, event_time=NOW_MS - ms) for n, (kind, item, ms) in at))
    return [event for covisits in worker.covisits() for event in covisits.events]


async def test_view_cart_and_purchase_of_a_visit_are_one_interaction(worker: FakeWorker) -> None:
    visit = ((30 * DAY_MS, "view"), (30 * DAY_MS - 60_000, "cart"), (30 * DAY_MS - 120_000, "purchase"))
    events = await told(worker, *((kind, "i1", ms) for ms, kind in visit), ("purchase", "i1", 0))

    assert [each.same_visit for each in events] == [False, True, True, False]
    assert [each.purchase for each in events] == [None, None, (0, 0), (30 * 86_400 - 120, 0)]


async def test_a_like_is_on_no_way_to_a_purchase(worker: FakeWorker) -> None:
    events = await told(worker, ("like", "i1", 2000), ("like", "i1", 1000), ("purchase", "i1", 0))
    assert [each.same_visit for each in events] == [False, False, False]


async def test_one_more_of_it_in_the_same_visit_is_no_other_purchase(worker: FakeWorker) -> None:
    events = await told(worker, ("purchase", "i1", 1000 * VISIT_S), ("purchase", "i1", 0))
    assert [each.purchase for each in events] == [(0, 0), None]


async def test_a_late_purchase_tells_both_gaps(worker: FakeWorker) -> None:
    events = await told(worker, ("purchase", "i1", 9 * DAY_MS), ("purchase", "i1", 0), ("purchase", "i1", 5 * DAY_MS))
    assert events[-1].purchase == (4 * 86_400, 5 * 86_400)


async def test_a_purchase_tells_what_was_bought_before_its_visit(worker: FakeWorker) -> None:
    acts = [("purchase", "i2", 9), ("purchase", "i3", 5), ("purchase", "i2", 4), ("click", "i4", 3)]
    events = await told(worker, *((kind, item, days * DAY_MS) for kind, item, days in acts), ("purchase", "i1", 0))
    before = unpack_before(events[-1].bought_before)

    assert before.items.tolist() == [item_hash("i2"), item_hash("i3")]
    assert before.ago_s.tolist() == [4 * 86_400, 5 * 86_400]


def test_a_message_of_before_purchases_were_told_is_read() -> None:
    event = msgspec.json.decode(b'[7, "i9", 0.3, [["i3", 1.0]], [0], "", 1795341600123]', type=CoVisitEvent)
    assert (event.same_visit, event.purchase, event.bought_before) == (False, None, "")
