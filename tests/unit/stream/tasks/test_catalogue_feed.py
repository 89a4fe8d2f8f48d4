"""Item vectors from their topic: into the catalogue, out of it again, and whoever waits is told."""

import logging

import msgspec
import pytest

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from stream.store.base import Wait
from stream.store.pending_index import PendingIndex
from stream.tasks.catalogue_feed import CatalogueFeed
from stream.testing import FINGERPRINT, embed_by_words
from tests.support.same_hash import pair_of_one_hash


def vector(item_id: str, fingerprint: str = FINGERPRINT) -> bytes:
    made = ItemVector(
        item_id=item_id,
        title=item_id,
        facets={},
        available=True,
        revision="",
        fingerprint=fingerprint,
        vector=pack(embed_by_words("space")),
    )
    return msgspec.json.encode(made)


def test_items_come_and_go_and_only_who_waits_is_told() -> None:
    catalogue, waiting, counted = Catalogue(8, FINGERPRINT), PendingIndex(), list[int]()
    waiting.update(0, [Wait("i2", "u1", 9)], [])
    feed = CatalogueFeed(catalogue, waiting, counted.append)

    feed.apply(b"i1", vector("i1"))
    assert "i1" in catalogue
    assert not feed.came.is_set()
    feed.apply(b"i2", vector("i2"))
    assert feed.came.is_set()
    assert counted == [1, 2]

    feed.apply(b"i1", None)
    feed.apply(None, None)
    assert "i1" not in catalogue


def test_a_vector_of_another_model_folder_is_left_out() -> None:
    catalogue = Catalogue(8, FINGERPRINT)

    CatalogueFeed(catalogue, PendingIndex(), lambda _: None).apply(b"i1", vector("i1", "another"))

    assert "i1" not in catalogue


def test_an_item_that_seen_sets_take_for_another_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    first, second = pair_of_one_hash()
    feed = CatalogueFeed(Catalogue(8, FINGERPRINT), PendingIndex(), lambda _: None)

    with caplog.at_level(logging.WARNING):
        for item_id in (first, "i1", second, second):
            feed.apply(item_id.encode(), vector(item_id))

    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert first in told[0]
    assert second in told[0]
