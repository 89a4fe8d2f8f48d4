"""Every reason of every list that a made-up shop gets is true, whatever the blend weighs.

With PENCHANT_ALL_LISTS=1 over the shop's whole year.
"""

import os
from collections import Counter

import numpy as np
import pytest

from penchant.messages import ItemVector, ListItem, Reason
from serving.catalogue import Catalogue, pack
from serving.ranking.learning.blend import START, Blend
from serving.ranking.learning.signals import Signal
from serving.ranking.rank_settings import RankSettings, Seen
from serving.ranking.reasons.phrases import REASON_CODES
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, embed_by_words, record
from tests.support.evaluated_workers import KeptLists, RankingWorker
from tests.support.made_shop import MadeShop, Message, made_shop
from tests.support.pipeline import with_parts
from tests.support.reason_oracle import ReasonOracle

VISITS = 700 if "PENCHANT_ALL_LISTS" in os.environ else 60
BLENDS: dict[str, dict[str, float]] = {
    "as it starts, where things are bought again": {},
    "what is fresh": {"AGE": 1.0, "RECENT": 0.0, "TOTAL": -0.3},
    "what is fresh by time": {"AGE_HOURS": 1.0, "FIRST": 0.5, "WEEK": 0.5, "HOUR": 0.5, "RECENT": -0.3, "TOTAL": -0.3},
    "shared facets": {
        "SHARED_FACETS": 3.0,
        "NEW_SHARED_FACETS": 2.0,
        "NEW_CONTENT": 2.0,
        "CONTENT": 0.5,
        "OWN_ORDER": 1.0,
    },
    "what lasts": {"MONTH": 1.0, "FIRST_HOURS": -0.5, "DAY": -0.5, "LAST_10": -0.3, "RECENT": 0.0, "TOTAL": 0.0},
    "what is stale": {"AGE": -1.0, "RECENT": -0.5, "TOTAL": 0.5, "EASE": 1.0},
    "whole histories": {"CONTENT": 0.2, "EASE": 2.0, "CO_OCCURRENCE": 0.1, "AGE": 0.5, "RECENT": -0.2},
}


class Shop(RankingWorker):
    """A worker with the shop's catalogue; `wrong` collects what is not true of its lists."""

    def __init__(self, shop: MadeShop, weights: dict[str, float], seen: Seen) -> None:
        self.catalogue = catalogue_of(shop)
        start = {**START, **{Signal[name]: weight for name, weight in weights.items()}}
        super().__init__(self.catalogue, start=Blend(start), settings=RankSettings(seen=seen))
        self.published = KeptLists(self.log)
        self.pipeline = with_parts(self.pipeline, log=self.published)
        vectors = {item_id: self.catalogue.vectors[row] for row, item_id in enumerate(self.catalogue.ids)}
        texts = [message["text"] for message in shop.messages if "text" in message]
        vectors |= {text: embed_by_words(text.split(" but ")[0]) for text in texts}
        titles = {each.item_id: each.title for each in shop.products}
        kinds = {each.item_id: each.category for each in shop.products}
        facets = {each.item_id: frozenset({each.category, each.brand}) for each in shop.products}
        self.oracle = ReasonOracle(titles, vectors, kinds, facets)
        self.codes = Counter[str]()
        self.wrong: list[str] = []
        self._offsets = Counter[str]()

    async def takes(self, message: Message) -> None:
        """Take a message in, and look at the list that it causes."""
        topic = TOPICS.commands if "command_id" in message else TOPICS.reviews if "text" in message else TOPICS.clicks
        came = record(topic, message, self._offsets[topic], timestamp_ms=NOW_MS)
        self._offsets[topic] += 1
        self.oracle.sends(message)
        self.published.sent.clear()
        await self.pipeline.process([came])
        (made,) = self.published.lists()
        self.codes.update(reason.code for entry in made.items for reason in entry.reasons)
        self.wrong += [wrong for entry in made.items for wrong in self.oracle.wrong(made.user_id, entry)]


def catalogue_of(shop: MadeShop) -> Catalogue:
    """Its products with vectors that lie around those of their categories."""
    made, chance = Catalogue(8, FINGERPRINT), np.random.default_rng(1)
    for product in shop.products:
        category = embed_by_words(product.category)
        vector = category + chance.normal(0, 0.15, 8).astype(np.float32)
        made.put(
            ItemVector(
                item_id=product.item_id,
                title=product.title,
                facets={"category": product.category, "brand": product.brand},
                available=True,
                revision="",
                fingerprint=FINGERPRINT,
                vector=pack(vector / np.linalg.norm(vector)),
                facet_text=product.category,
                facet_vector=pack(category),
            )
        )
    return made


@pytest.mark.parametrize("blend", BLENDS)
async def test_every_reason_of_every_list_is_true(blend: str) -> None:
    shop = made_shop(1, visits=VISITS)
    worker = Shop(shop, BLENDS[blend], "again" if "again" in blend else "out")
    await worker.store.acquire(0)
    for message in shop.messages:
        await worker.takes(message)

    assert not worker.wrong, "\n".join([f"{len(worker.wrong)} of {worker.codes.total()}", *worker.wrong[:20]])
    assert worker.codes.total() > 20 * len(shop.messages)
    assert worker.codes.keys() <= set(REASON_CODES)
    assert {"viewed", "bought", "reviewed", "wrote", "liked", "rated_highly", "put_into_cart"} <= worker.codes.keys()


def test_the_oracle_finds_what_is_not_true() -> None:
    """Given reasons as lists had them before, then it says which are false."""
    titles = {f"i{n}": f"Thing {n}" for n in range(6)}
    vectors = {item_id: np.eye(8, dtype=np.float32)[n] for n, item_id in enumerate(titles)}
    oracle = ReasonOracle(titles, vectors)
    for n, (user, item, kind) in enumerate(
        [
            ("u1", "i0", "view"),
            ("u2", "i0", "view"),
            ("u2", "i1", "purchase"),
            ("u1", "i2", "like"),
            ("u3", "i3", "cart"),
        ]
    ):
        oracle.sends({"user_id": user, "event_id": f"e{n}", "item_id": item, "type": kind})
    oracle.sends({"user_id": "u1", "event_id": "e9", "item_id": "i2", "type": "dismiss"})

    def wrong(item: str, event_id: str | None, words: str, code: str) -> bool:
        entry = ListItem(item, 1.0, "content", [Reason(event_id, 0.5, words, code)])
        return bool(list(oracle.wrong("u1", entry)))

    assert not wrong("i1", "e0", 'you viewed "Thing 0"', "viewed")
    assert wrong("i1", "e0", 'you clicked on "Thing 0"', "clicked"), "it was a view"
    assert wrong("i1", "e0", 'you viewed "Thing 5"', "viewed"), "of another item"
    assert wrong("i3", "e0", 'you viewed "Thing 0"', "viewed"), "nobody took both"
    assert wrong("i2", "e3", 'you liked "Thing 2"', "liked"), "it was dismissed since"
    assert wrong("i1", "e1", 'you viewed "Thing 0"', "viewed"), "of another user"
    assert not wrong("i1", None, "popular right now", "popular_now")
    assert wrong("i5", None, "popular right now", "popular_now"), "nobody ever looked at it"
    assert wrong("i5", None, "somebody took a look just lately", "just_seen")
    assert wrong("i0", None, "what interested you earlier", "earlier")
    assert wrong("i1", None, "?", "unheard")
