"""What a replay keeps of items: the vectors that a worker's catalogue has, and which of them may have been others."""

from typing import Any

import msgspec
import numpy as np

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from stream.events.records import Record
from stream.rebuild.item_vectors import ItemVectors
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, WORDS, embed_by_words
from tests.support.held_log import HeldLog


def embedded(item_id: str, words: str, offset: int, **fields: Any) -> Record:
    """A record of the item-vectors topic."""
    vector = pack(embed_by_words(words))
    about = {"title": words, "facets": {}, "available": True, "revision": words, "fingerprint": FINGERPRINT}
    value = msgspec.json.encode({"item_id": item_id, **about, "vector": vector, **fields})
    return Record(TOPICS.item_vectors, 0, offset, NOW_MS + offset, item_id.encode(), value)


async def test_a_replay_has_the_vectors_of_the_catalogue() -> None:
    """Given items that came, were revised, removed, or are of another model, when followed: as a worker has them."""
    gone = Record(TOPICS.item_vectors, 0, 4, NOW_MS + 4, b"i3", None)
    records = [
        *(embedded(f"i{n}", WORDS[n], n) for n in range(4)),
        gone,
        embedded("i1", WORDS[5], 5),
        embedded("i9", WORDS[0], 6, fingerprint="another"),
    ]
    dim = len(embed_by_words(WORDS[0]))
    items = ItemVectors(HeldLog(*records), TOPICS.item_vectors, dim, FINGERPRINT)
    catalogue = Catalogue(dim, FINGERPRINT)
    for each in records[:4] + records[5:6]:
        catalogue.put(msgspec.json.decode(each.value or b"", type=ItemVector))
    catalogue.remove("i3")

    assert await items.follow() == ["i0", "i1", "i2", "i3"]
    assert items.foreign == 1
    for item_id in ("i0", "i1", "i2"):
        np.testing.assert_array_equal(items.vector(item_id), catalogue.vector(item_id), strict=True)
    assert items.vector("i3") is items.vector("i9") is None
    assert items.may_have_been_another("i1", NOW_MS)
    assert not items.may_have_been_another("i0", NOW_MS)
    known = items.table.get("i1")
    assert known is not None
    assert (known.revision, known.vector) == (WORDS[5], pack(embed_by_words(WORDS[5])))
