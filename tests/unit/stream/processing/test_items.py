"""The catalogue's way in: each item is embedded once."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, unpack
from serving.state.user_state import Vector
from stream.events.records import Record
from stream.processing.items import ItemPipeline
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, MemoryLog, embed_by_words, embed_texts, record

ALIEN: dict[str, Any] = {"item_id": "i9", "title": "Alien", "text": "In space.", "facets": {"genre": ["Sci-Fi war"]}}


class Way:
    """The item pipeline with a log, a catalogue that follows it, and a count of what was embedded."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.catalogue = Catalogue(8, FINGERPRINT)
        self.embedded: list[str] = []
        self.unreadable: set[str] = set()
        self._pipeline = ItemPipeline(TOPICS, self.catalogue, self._embed, self.log, lambda: NOW_MS)
        self._read = 0

    async def takes(self, *records: Record) -> list[tuple[bytes | None, ItemVector | None]]:
        """What these records publish on the item-vectors topic."""
        await self._pipeline.process(records)
        sent = self.log.on(TOPICS.item_vectors)
        new, self._read = sent[self._read :], len(sent)
        return [(each.key, read(each.value)) for each in new]

    def follow(self, published: list[tuple[bytes | None, ItemVector | None]]) -> None:
        for key, value in published:
            if value is None:
                self.catalogue.remove((key or b"").decode())
            else:
                self.catalogue.put(value)

    async def _embed(self, texts: Sequence[str]) -> Mapping[str, Vector]:
        self.embedded += texts
        return await embed_texts([text for text in texts if text not in self.unreadable])


def read(body: bytes | None) -> ItemVector | None:
    return None if body is None else msgspec.json.decode(body, type=ItemVector)


@pytest.fixture
def way() -> Way:
    return Way()


def item(offset: int, **fields: Any) -> Record:
    body = ALIEN | fields
    return record(TOPICS.items, body, offset, key=str(body["item_id"]).encode())


def removal(offset: int, key: bytes | None) -> Record:
    return record(TOPICS.items, None, offset, key=key)


async def test_an_item_is_embedded_with_its_facets_and_published(way: Way) -> None:
    ((key, made),) = await way.takes(item(0))
    assert key == b"i9"
    assert made is not None
    assert (made.item_id, made.title, made.facets, made.available) == ("i9", "Alien", ALIEN["facets"], True)
    assert (made.fingerprint, made.facet_text) == (FINGERPRINT, "Sci-Fi war")
    assert unpack(made.vector).tolist() == embed_by_words("war space").tolist()
    assert unpack(made.facet_vector).tolist() == embed_by_words("war").tolist()
    assert way.embedded == ["Sci-Fi war. Alien. In space.", "Sci-Fi war"]


async def test_an_item_without_facets_has_no_facet_vector(way: Way) -> None:
    ((_, made),) = await way.takes(item(0, facets={}))
    assert made is not None
    assert (made.facet_text, made.facet_vector) == ("", "")


async def test_the_same_text_is_not_embedded_again_but_what_changed_around_it_is_published(way: Way) -> None:
    first = await way.takes(item(0))
    way.follow(first)
    way.embedded.clear()
    ((_, made),) = await way.takes(item(1, available=False, facets=ALIEN["facets"] | {"brand": "Fox"}))
    assert way.embedded == []
    assert made is not None
    assert first[0][1] is not None
    assert (made.available, made.facets["brand"]) == (False, "Fox")
    assert (made.vector, made.revision) == (first[0][1].vector, first[0][1].revision)


@pytest.mark.parametrize("change", [{"title": "Aliens"}, {"text": "At sea."}, {"facets": {"genre": ["love"]}}])
async def test_another_text_is_embedded_anew(way: Way, change: dict[str, Any]) -> None:
    first = await way.takes(item(0))
    way.follow(first)
    ((_, made),) = await way.takes(item(1, **change))
    assert made is not None
    assert first[0][1] is not None
    assert made.revision != first[0][1].revision


async def test_a_text_that_many_items_share_is_embedded_once(way: Way) -> None:
    await way.takes(*[item(n, item_id=f"i{n}", title=f"Part {n}") for n in range(3)])
    assert len(way.embedded) == len(set(way.embedded)) == 4


async def test_the_newest_of_an_id_in_a_batch_wins(way: Way) -> None:
    published = await way.takes(item(0), item(1, title="Aliens"), item(2, item_id="i2"), removal(3, b"i2"))
    assert [(key, made and made.title) for key, made in published] == [(b"i9", "Aliens"), (b"i2", None)]
    (again,) = await way.takes(removal(4, b"i3"), item(5, item_id="i3"))
    assert again[1] is not None


async def test_a_null_removes_the_item(way: Way) -> None:
    way.follow(await way.takes(item(0)))
    assert "i9" in way.catalogue
    way.follow(await way.takes(removal(1, b"i9")))
    assert "i9" not in way.catalogue
    way.follow(await way.takes(item(2)))
    assert "i9" in way.catalogue


async def test_bad_items_become_dead_letters_and_the_good_ones_around_them_go_in(way: Way) -> None:
    bad = [
        record(TOPICS.items, b"{", 1),
        removal(2, None),
        item(3, title="", text=" "),
        item(4, title="\ud800"),
        item(5, text="x" * 1_000_000),
        item(6, facets={"genre": ["x" * 100_000]}),
    ]
    published = await way.takes(item(0), *bad, item(7, item_id="i2"))
    assert [key for key, _ in published] == [b"i9", b"i2"]
    dead = way.log.on(f"{TOPICS.items}.dlq")
    assert [dict(each.headers)["penchant.error"].decode() for each in dead] == [
        "not_json", "missing_field", "missing_field", "schema", "too_large", "too_large"
    ]  # fmt: skip
    assert [each.value for each in dead] == [each.value for each in bad]


async def test_nothing_is_nothing(way: Way) -> None:
    assert await way.takes() == []
    assert way.embedded == []


async def test_an_item_that_the_encoder_cannot_read_is_a_dead_letter_and_holds_up_no_other(way: Way) -> None:
    way.unreadable = {"Sci-Fi war"}
    poison = item(0)
    ((key, _),) = await way.takes(poison, item(1, item_id="i8", facets={}))
    assert key == b"i8"
    (dead_letter,) = way.log.dead()
    assert (dead_letter.value, dict(dead_letter.headers)["penchant.error"]) == (poison.value, b"encoder_timeout")


async def test_an_item_is_removed_in_whatever_way_its_removal_is_written(way: Way) -> None:
    """By a null, by Connect's null, by a database's deletion; under keys that are JSON, too."""
    gone = {"op": "d", "before": {"item_id": "i9"}, "after": None}
    for value, key in ((None, b'{"item_id": "i9"}'), ({"schema": None, "payload": None}, b"i9"), (gone, b'"i9"')):
        way.follow(await way.takes(item(0)))
        assert "i9" in way.catalogue
        way.follow(await way.takes(record(TOPICS.items, value, 1, key=key)))
        assert "i9" not in way.catalogue


async def test_an_item_that_cannot_be_used_is_dead_lettered_and_the_others_go_on(way: Way) -> None:
    """Whatever is wrong with it: a key that is no text, half a surrogate pair, another format, an event."""
    bad = [
        record(TOPICS.items, None, 0, key=b"\xff"),
        item(1, facets={"\ud800": "a"}),
        record(TOPICS.items, b"\x1f\x8b\x08", 2, key=b"i9"),
        record(TOPICS.items, {"item_id": "i9", "type": "view"}, 3, key=b"i9"),
    ]
    published = await way.takes(*bad, item(4, facets={"year": 1979, "genre": None}))
    assert [key for key, _ in published] == [b"i9"]
    reasons = [dict(dead_letter.headers)["penchant.error"].decode() for dead_letter in way.log.dead()]
    assert reasons == ["bad_id", "schema", "not_json", "missing_field"]
