"""Laws of retraction, through the pipeline and the codec: events and their retractions in any order, one state.

Tolerance of the long vector: 1e-5 of the sum of |preference| of all that was folded, also of what was retracted since.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.state.user_state import UserState, id_hash, item_hash
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.interest.fold import Bounds
from stream.processing.batch import Limits
from stream.testing import NOW_MS, TOPICS, WORDS, embed_by_words, record
from tests.support.heads import head_of
from tests.support.pipeline import Degraded

TOLERANCE = 1e-5
HALF_LIFE_MS = Bounds().half_life_ms
ITEMS = {f"i{n}": embed_by_words(f"{WORDS[n]} {WORDS[(3 * n + 1) % 8]}") for n in range(8)}
ACTIONS = load_weights().actions
BEST, BLAME = load_weights().ratings[5].preference, load_weights().blame
HEAD = head_of(np.linspace(-3, 3, len(WORDS)).tolist())  # code is praised, space is blamed
Body = dict[str, Any]


@st.composite
def bodies(draw: st.DrawFn, most: int, most_texts: int) -> list[Body]:
    """Distinct events of one user, actions and texts, at times up to four half-lives apart.

    No more texts than are kept: one whose text is not is retracted only if the command brings it.
    """
    made: list[Body] = []
    for n in range(draw(st.integers(1, most))):
        body: Body = {"user_id": "u1", "event_id": f"e{n}"}
        body["event_time"] = NOW_MS - draw(st.integers(0, 4 * HALF_LIFE_MS))
        item = draw(st.none() | st.sampled_from(sorted(ITEMS)))
        full = sum("text" in other for other in made) >= most_texts
        item = item or ("i0" if full else None)
        if item is None or (not full and draw(st.booleans())):
            body["text"] = draw(st.sampled_from(WORDS))
        else:
            body["type"] = draw(st.sampled_from(["like", "click", "dismiss", "purchase", "impression"]))
        made.append(body if item is None else body | {"item_id": item})
    return made


def retraction(n: int, body: Body, with_event: bool) -> Body:
    command = {"command_id": f"k{n}", "type": "retract", "user_id": "u1", "event_id": body["event_id"]}
    return command | {"event": body} if with_event else command


def action(body: Body) -> str:
    return str(body.get("type") or ("review" if "item_id" in body else "statement"))


def preference(body: Body) -> float:
    """By its line, and of a review by its text: towards the best rating's, or towards nothing, and below for blame."""
    by_line = ACTIONS[action(body)].preference
    if action(body) != "review":
        return by_line
    liking = float(HEAD.of(embed_by_words(body["text"])[None])[0])
    blame = BLAME * max(-liking - 0.15, 0.0) / 0.85
    return float(np.float16(by_line + abs(liking) * ((BEST if liking > 0 else 0.0) - by_line) - blame))


def is_impression(body: Body) -> bool:
    return body.get("type") == "impression"


def shown(bodies: Sequence[Body], retracted: set[str], action: str = "impression") -> list[tuple[int, int, int]]:
    """The impressions among them, or the purchases, as a state has them."""
    return sorted(
        (
            body["event_time"] // 1000,
            id_hash(body["event_id"]) & 0xFFFFFFFF,
            0 if body["event_id"] in retracted else item_hash(body["item_id"]),
        )
        for body in bodies
        if body.get("type") == action
    )


def contribution(body: Body, reference_ms: int) -> tuple[npt.NDArray[np.float64], float]:
    """What an event adds to the long vector, and the size of that, in float64."""
    size = preference(body) * 2.0 ** (-(reference_ms - body["event_time"]) / HALF_LIFE_MS)
    both = [embed_by_words(body["text"])] if "text" in body else []
    both += [ITEMS[body["item_id"]]] if "item_id" in body else []
    return size * np.mean(both, axis=0, dtype=np.float64), abs(size)


async def through(
    batches: Sequence[Sequence[Body]], arrivals: dict[str, int], misses: Sequence[set[str]] = ()
) -> tuple[Degraded, UserState]:
    """Send bodies in batches, each to its topic; items get their vectors before the batch of that number.

    misses: batch by batch, the texts that the encoder misses; none beyond.
    """
    worker = Degraded(limits=Limits(sentiment=HEAD))
    worker.items.clear()
    await worker.acquires(0)
    offsets = {TOPICS.clicks: 0, TOPICS.reviews: 0, TOPICS.commands: 0}
    for n, batch in enumerate([*batches, []]):
        worker.items.update({item: ITEMS[item] for item, at in arrivals.items() if at == n})
        worker.misses = misses[n] if n < len(misses) else set()
        await worker.pipeline.on_items_available(list(worker.items))
        await worker.pipeline.retry_missed_texts(64)
        records: list[Record] = []
        for body in batch:
            name = "commands" if "command_id" in body else "reviews" if "text" in body else "clicks"
            topic = getattr(TOPICS, name)
            records.append(record(topic, body, offsets[topic]))
            offsets[topic] += 1
        await worker.takes(*records)
    return worker, await worker.state("u1")


def split(data: st.DataObject, bodies: Sequence[Body]) -> list[list[Body]]:
    order = data.draw(st.permutations(bodies))
    batches: list[list[Body]] = [[]]
    for body in order:
        batches[-1].append(body)
        if data.draw(st.booleans()):
            batches.append([])
    return batches


def covisit_units(body: Body) -> int:
    """The co-visit weight of an event without a rating, in hundredths; of what was disliked none."""
    if preference(body) < 0:
        return 0
    return round(100 * load_weights().actions["review" if "text" in body else body["type"]].covisit)


def check(state: UserState, bodies: Sequence[Body], retracted: set[str]) -> None:
    """Everything that is kept, from its definition."""
    assert state.impressions.tolist() == shown(bodies, retracted)
    assert state.purchases.tolist() == shown(bodies, retracted, "purchase")
    bodies = [body for body in bodies if not is_impression(body)]
    ring = sorted(bodies, key=lambda body: (body["event_time"], body["event_id"]))
    assert [(e.event_id, e.retracted) for e in state.ring] == [
        (body["event_id"], body["event_id"] in retracted) for body in ring
    ]
    texts = [body for body in ring if "text" in body][-8:]
    assert [(t.event_id, bool(t.vector), bool(t.preference)) for t in state.texts] == [
        (body["event_id"], *(2 * [body["event_id"] not in retracted])) for body in texts
    ]
    seen = {item: [body for body in bodies if body.get("item_id") == item] for item in ITEMS}
    expected = [
        (
            item_hash(item),
            max(b["event_time"] for b in of) // 1000,
            sum(b["event_id"] not in retracted for b in of),
            sum(b["event_id"] not in retracted and b.get("type") == "dismiss" for b in of),
            sum(covisit_units(b) for b in of if b["event_id"] not in retracted),
        )
        for item, of in seen.items()
        if of
    ]
    assert sorted(state.seen.tolist()) == sorted(expected)
    left = [body for body in bodies if body["event_id"] not in retracted]
    assert state.event_count == len(left)
    if state.long is None:
        assert not left
        return
    parts = [contribution(body, state.reference_ms) for body in left]
    everything = sum(contribution(body, state.reference_ms)[1] for body in bodies)
    exact = np.sum([vector for vector, _ in parts], axis=0) if parts else np.zeros(8)
    assert np.abs(state.long - exact).max() <= TOLERANCE * everything
    if not left:
        assert not state.long.any(), "exact zeros, since rounding would leave a direction"


@settings(max_examples=200)
@given(bodies(most=12, most_texts=8), st.data())
def test_events_and_retractions_in_any_order_make_one_state(made: list[Body], data: st.DataObject) -> None:
    """Retractions before, after and twice, with and without the event, events twice, items that come at any moment."""
    chosen = data.draw(st.sets(st.sampled_from(range(len(made)))))
    twice = data.draw(st.sets(st.sampled_from(sorted(chosen)))) if chosen else set()
    commands = [retraction(n, made[n], data.draw(st.booleans())) for n in sorted(chosen)]
    commands += [retraction(100 + n, made[n], data.draw(st.booleans())) for n in sorted(twice)]
    again = data.draw(st.lists(st.sampled_from(made), max_size=3))
    batches = split(data, [*made, *commands, *again])
    arrivals = {item: data.draw(st.integers(0, len(batches))) for item in ITEMS}

    worker, state = asyncio.run(through(batches, arrivals))

    check(state, made, {made[n]["event_id"] for n in chosen})
    assert (state.pending, state.retractions, len(worker.pipeline.waiting)) == ([], [], 0)
    assert worker.dead_letters() == []
    answered = [out.key for out in worker.log.on(TOPICS.receipts) if b'"done"' in (out.value or b"")]
    assert sorted(answered, key=str) == sorted((command["command_id"].encode() for command in commands), key=str)


@settings(max_examples=200)
@given(bodies(most=12, most_texts=8), st.data())
def test_texts_that_the_encoder_misses_at_any_time_and_that_are_retried_make_the_same_state(
    made: list[Body], data: st.DataObject
) -> None:
    """With retractions among them, and items that come at any moment."""
    chosen = data.draw(st.sets(st.sampled_from(range(len(made)))))
    batches = split(data, [*made, *(retraction(n, made[n], data.draw(st.booleans())) for n in sorted(chosen))])
    misses = [data.draw(st.sets(st.sampled_from(WORDS))) for _ in batches]
    arrivals = {item: data.draw(st.integers(0, len(batches))) for item in ITEMS}

    worker, state = asyncio.run(through(batches, arrivals, misses))

    check(state, made, {made[n]["event_id"] for n in chosen})
    assert (state.pending, state.retractions, len(worker.pipeline.waiting)) == ([], [], 0)
    assert worker.dead_letters() == []
    assert [each.path for each in worker.log.lists()[-1:] if each.path == "cached"] == [], "impressions cause no list"


@settings(max_examples=150)
@given(bodies(most=10, most_texts=7), st.data())
def test_what_is_retracted_is_as_if_it_never_was(made: list[Body], data: st.DataObject) -> None:
    """For the long vector, within the tolerance, whatever batches lie between."""
    ghost = made[-1] | {"event_id": "ghost"}
    commands = [retraction(0, ghost, with_event=False)]
    _, without = asyncio.run(through(split(data, made), dict.fromkeys(ITEMS, 0)))
    _, state = asyncio.run(through(split(data, [*made, ghost, *commands]), dict.fromkeys(ITEMS, 0)))
    if state.long is None or without.long is None:
        assert state.long is None or not state.long.any()
        assert not without.event_count
        return
    later = 2.0 ** -((state.reference_ms - without.reference_ms) / HALF_LIFE_MS)
    everything = sum(contribution(body, state.reference_ms)[1] for body in [*made, ghost])
    assert np.abs(state.long - later * without.long).max() <= 2 * TOLERANCE * everything
    assert [e.event_id for e in state.ring if not e.retracted] == [e.event_id for e in without.ring]
