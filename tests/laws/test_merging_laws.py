"""Laws of merging: events, retractions, merges and an erasure of two users, in any order, over two owners: one state.

What the owners tell each other is delivered at any moment, and what is unanswered is asked again. An alias passes its
events on, so both users' events are one user's in the end. Tolerance as in tests/laws/test_retraction_laws.py.
"""

import asyncio

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.state.user_state import UserState
from stream.testing import NOW_MS, WORDS
from tests.laws.test_retraction_laws import (
    HALF_LIFE_MS,
    ITEMS,
    TOLERANCE,
    Body,
    contribution,
    covisit_units,
    is_impression,
    shown,
)
from tests.support.owners import ANONYMOUS, KNOWN, Owners, erase, merge, retract


@st.composite
def events(draw: st.DrawFn) -> list[Body]:
    """Distinct events of the two users, no more texts than are kept of one."""
    made: list[Body] = []
    for n in range(draw(st.integers(1, 10))):
        user = draw(st.sampled_from([KNOWN, ANONYMOUS]))
        body: Body = {"user_id": user, "event_id": f"e{n}"}
        body["event_time"] = NOW_MS - draw(st.integers(0, 4 * HALF_LIFE_MS))
        if sum("text" in other for other in made) < 8 and draw(st.booleans()):
            made.append(body | {"text": draw(st.sampled_from(WORDS))})
        else:
            kind = draw(st.sampled_from(["like", "click", "dismiss", "impression"]))
            made.append(body | {"type": kind, "item_id": draw(st.sampled_from(sorted(ITEMS)))})
    return made


async def owners_of_the_catalogue() -> Owners:
    """Two owners who know all items."""
    owners = Owners()
    for worker in owners.workers:
        worker.items.clear()
        worker.items.update(ITEMS)
    await owners.acquire()
    return owners


async def play(bodies: list[tuple[Body, int]], data: st.DataObject, owners: Owners) -> None:
    """Send bodies, each as of a record time; between them some of what is under way is delivered, late or twice."""
    for body, record_ms in bodies:
        await owners.send(body, timestamp_ms=record_ms)
        match data.draw(st.sampled_from(["", "", "deliver", "once", "again"])):
            case "deliver":
                await owners.deliver()
            case "once":
                for each in owners.pending():
                    await owners.take(each)
            case "again":
                await owners.resend_transfers()
    for _ in range(3):
        await owners.deliver()
        await owners.resend_transfers()
    await owners.deliver()


def check_sum(state: UserState, made: list[Body], retracted: set[str]) -> None:
    assert state.impressions.tolist() == shown(made, retracted)
    assert state.purchases.tolist() == shown(made, retracted, "purchase")
    made = [body for body in made if not is_impression(body)]
    ring = sorted(made, key=lambda body: (body["event_time"], body["event_id"]))
    assert [(e.event_id, e.retracted) for e in state.ring] == [
        (body["event_id"], body["event_id"] in retracted) for body in ring
    ]
    left = [body for body in made if body["event_id"] not in retracted]
    assert state.event_count == len(left)
    if state.long is None:
        assert not left
        return
    exact = np.sum([np.zeros(8), *(contribution(body, state.reference_ms)[0] for body in left)], axis=0)
    everything = sum(contribution(body, state.reference_ms)[1] for body in made)
    assert np.abs(state.long - exact).max() <= TOLERANCE * everything
    assert sum(state.seen["count"].tolist()) == sum("item_id" in body for body in left)
    assert sum(state.seen["dismissed"].tolist()) == sum(body.get("type") == "dismiss" for body in left)
    assert sum(state.seen["covisit"].tolist()) == sum(covisit_units(body) for body in left if "item_id" in body)


@settings(max_examples=150)
@given(events(), st.data())
def test_merging_commutes_with_everything(made: list[Body], data: st.DataObject) -> None:
    """Retractions name either user, whoever the event was of; the merge comes once or twice."""
    chosen = data.draw(st.sets(st.sampled_from([body["event_id"] for body in made])))
    commands: list[Body] = [
        retract(f"k-{name}", data.draw(st.sampled_from([KNOWN, ANONYMOUS])), name) for name in sorted(chosen)
    ]
    commands += [merge("m", KNOWN, ANONYMOUS)] * data.draw(st.integers(1, 2))
    order = data.draw(st.permutations([*made, *commands]))

    owners = asyncio.run(owners_of_the_catalogue())
    asyncio.run(play([(body, NOW_MS) for body in order], data, owners))

    state, alias = asyncio.run(_both(owners))
    check_sum(state, made, chosen)
    assert (alias.known, alias.alias is not None and not alias.alias.held) == (False, True)
    assert (state.retractions, state.pending, owners.workers[0].dead_letters()) == ([], [], [])
    assert ("m", "done", "") in owners.receipts()
    for worker in owners.workers:
        assert len(worker.pipeline.waiting) == 0


@settings(max_examples=120)
@given(events(), st.data())
def test_an_erasure_takes_whatever_came_before_it_and_nothing_else(made: list[Body], data: st.DataObject) -> None:
    """Either user is erased at a time; merges, events of before and after come in any order around it."""
    erased_ms = NOW_MS + 100
    later = [body | {"event_id": f"later-{body['event_id']}"} for body in made[: data.draw(st.integers(0, 3))]]
    whom = data.draw(st.sampled_from([KNOWN, ANONYMOUS]))
    rest: list[tuple[Body, int]] = [(body, NOW_MS) for body in made] + [(merge("m", KNOWN, ANONYMOUS), NOW_MS)]
    order = data.draw(st.permutations([*rest, (erase("x", whom), erased_ms)]))

    owners = asyncio.run(owners_of_the_catalogue())
    asyncio.run(play(order, data, owners))
    # What the person does after it comes once both owners have heard: else it would be erased with the rest.
    asyncio.run(play([(body, erased_ms + 1) for body in later], data, owners))

    states = asyncio.run(_both(owners))
    assert [state.erased_ms for state in states] == [erased_ms, erased_ms]
    for user, state in zip((KNOWN, ANONYMOUS), states, strict=True):
        mine = [body for body in later if body["user_id"] == user]
        check_sum(state, mine, set())
        assert (state.alias, state.merges, state.pending, state.retractions) == (None, [], [], [])


async def _both(owners: Owners) -> list[UserState]:
    return [await owners.state(user) for user in (KNOWN, ANONYMOUS)]
