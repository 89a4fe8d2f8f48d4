"""Every reason of every list that the demo's ratings cause is true, with the real encoder's vectors.

The first of them; with PENCHANT_ALL_LISTS=1 all.
"""

import os
from itertools import islice

import pytest

from deploy.demo import films
from serving.catalogue import Catalogue
from serving.ranking.learning.blend import START, Blend
from serving.ranking.learning.signals import Signal
from stream.testing import TOPICS, record
from tests.support.evaluated_workers import KeptLists, RankingWorker
from tests.support.films import WHEELS
from tests.support.pipeline import with_parts
from tests.support.reason_oracle import Message, ReasonOracle

pytestmark = pytest.mark.model

MOST = 100_000 if "PENCHANT_ALL_LISTS" in os.environ else 1_500
AT_ONCE = 20
LEARNED = {"CO_OCCURRENCE": 0.3, "SLOW_CO_OCCURRENCE": 0.6, "SESSION_CO_OCCURRENCE": 1.3, "CONTENT": 1.4, "EASE": 0.9}


def messages() -> list[Message]:
    return [
        {
            "event_id": f"e{n}",
            "user_id": rating.user_id,
            "item_id": rating.item_id,
            "type": "rate",
            "value": rating.stars,
            "event_time": 1000 * rating.time_s,
        }
        for n, rating in enumerate(islice(films.ratings(WHEELS), MOST))
    ]


def listed(values: str | list[str] | None) -> list[str]:
    return [values] if isinstance(values, str) else values or []


@pytest.mark.parametrize("weights", [{}, LEARNED], ids=["as it starts", "as it learns"])
async def test_every_reason_of_every_list_is_true(film_catalogue: Catalogue, weights: dict[str, float]) -> None:
    start = {**START, **{Signal[name]: weight for name, weight in weights.items()}}
    worker = RankingWorker(film_catalogue, start=Blend(start))
    worker.log.apart = 50
    published = KeptLists(worker.log)
    pipeline = with_parts(worker.pipeline, log=published)
    await worker.store.acquire(0)
    ids = film_catalogue.ids
    titles = {item_id: item.title for item_id in ids if (item := film_catalogue.about(item_id)) is not None}
    facets = {
        item_id: frozenset(value for name in ("genre", "director", "cast") for value in listed(item.facets.get(name)))
        for item_id in ids
        if (item := film_catalogue.about(item_id)) is not None
    }
    vectors = {item_id: film_catalogue.vector_at(row) for row, item_id in enumerate(ids)}
    oracle = ReasonOracle(titles, vectors, facets=facets)
    wrong, reasons, lists, sent = list[str](), 0, 0, messages()
    for at in range(0, len(sent), AT_ONCE):
        some = sent[at : at + AT_ONCE]
        for message in some:
            oracle.sends(message)
        published.sent.clear()
        await pipeline.process([record(TOPICS.clicks, each, at + n) for n, each in enumerate(some)])
        for made in published.lists():
            lists += 1
            reasons += sum(len(entry.reasons) for entry in made.items)
            wrong += [each for entry in made.items for each in oracle.wrong(made.user_id, entry)]

    assert not wrong, "\n".join([f"{len(wrong)} of {reasons} on {lists} lists", *wrong[:20]])
    assert lists >= len(sent) // AT_ONCE
    assert reasons >= 20 * lists
