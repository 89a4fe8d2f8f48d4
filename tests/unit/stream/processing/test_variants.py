"""Lists under an experiment: each user by their own variant, in order, and the message says which."""

import msgspec

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from serving.experiment import Experiment, parse
from serving.ranking.learning.blend import Blend
from serving.ranking.learning.signals import Signal
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.state.user_state import EventKind, RingEvent, UserState
from stream.processing.variants import Variants
from stream.testing import FINGERPRINT, TOPICS, embed_by_words, record
from tests.support.evaluated_workers import EvaluatedWorker, RankingWorker
from tests.support.experiments import halves

EXPERIMENT = parse(halves("long = 5"))
USUAL = RankSettings(statement_damping=0.4)
USERS = [f"u{n}" for n in range(20)]
STATES = [UserState(long=embed_by_words(words)) for words in ("space", "love", "space war", "love war")] * 5


def words() -> Catalogue:
    made = Catalogue(8, FINGERPRINT)
    for text in ("space", "love", "war", "space love"):
        facts: dict[str, object] = {
            "title": text,
            "facets": {},
            "available": True,
            "revision": "",
            "fingerprint": FINGERPRINT,
        }
        vector = pack(embed_by_words(text))
        made.put(msgspec.convert({"item_id": text, "vector": vector, **facts}, ItemVector))
    return made


def variants(catalogue: Catalogue, experiment: Experiment | None) -> Variants:
    def ranker(settings: RankSettings, blend: Blend | None) -> Ranker:
        return Ranker(catalogue, Popularity(), settings, blend=blend)

    return Variants(ranker, USUAL, experiment)


def test_each_user_is_ranked_by_their_own_variant() -> None:
    catalogue = words()
    made = variants(catalogue, EXPERIMENT).rank(USERS, STATES, 3)
    assert {ranking.variant for ranking in made} == {"a", "b"}
    for user, state, ranking in zip(USERS, STATES, made, strict=True):
        mine = EXPERIMENT.of(user)
        (alone,) = Ranker(catalogue, Popularity(), mine.ranking(USUAL)).rank_many([state], 3)
        assert (ranking.variant, ranking.items) == (mine.name, alone.items)


def test_without_an_experiment_everybody_is_ranked_as_usual() -> None:
    catalogue = words()
    made = variants(catalogue, None)
    usual = Ranker(catalogue, Popularity(), USUAL).rank_many(STATES, 3)
    assert made.rank(USERS, STATES, 3) == usual


def test_all_variants_use_the_blend_that_is_learned() -> None:
    """What the usual ranker's blend learned or read from the store moves the lists of every variant."""
    made = variants(words(), EXPERIMENT)
    states = [UserState(ring=[RingEvent(1, "e", 1, "space", EventKind.LIKE, 1.0, 1.0)]) for _ in USERS]
    before = made.rank(USERS, states, 3)
    made.usual.blend.unpack(Blend({Signal.CONTENT: 9.0}).pack())
    after = made.rank(USERS, states, 3)
    moved = [was.items[0].score != now.items[0].score for was, now in zip(before, after, strict=True)]
    assert all(moved)


async def test_the_list_says_the_variant_and_is_counted_under_it() -> None:
    worker = RankingWorker(words(), EXPERIMENT)
    await worker.store.acquire(0)
    by_variant = {"a": 0, "b": 0}
    for user in USERS:
        await worker.rate(user, "space", 5)
        await worker.rate(user, "love", 5)
        by_variant[EXPERIMENT.of(user).name] += 1
    assert {name: worker.trials_and_hits(name)[0] for name in by_variant} == by_variant
    assert worker.trials_and_hits() == (0, 0)


async def test_the_message_has_the_variant_only_under_an_experiment() -> None:
    worker = EvaluatedWorker(["i1", "i2"])
    await worker.acquires(0)
    click = {"event_id": "c", "user_id": "u1", "item_id": "i5", "type": "click"}
    await worker.takes(record(TOPICS.clicks, click, 0))
    (plain,) = worker.log.on(TOPICS.recommendations)
    assert "variant" not in msgspec.json.decode(plain.value or b"")
    worker.variant = "b"
    (made,) = await worker.takes(record(TOPICS.clicks, click | {"event_id": "d", "item_id": "i6"}, 1))
    assert made.variant == "b"
