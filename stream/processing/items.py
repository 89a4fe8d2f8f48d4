"""The catalogue's way in: each item is embedded once, and stands on the item-vectors topic for every ranker.

An item that comes again with the same text keeps its vector; what changed around it is published.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from penchant.errors import Rejected, RejectReason
from penchant.messages import Item, ItemVector
from penchant.topics import Topics
from serving.catalogue import facet_text, item_text, pack
from serving.state.user_state import Vector
from stream.containment.faults import Guard, by_halves
from stream.events.dead_letters import dead_letter_message, quarantined, unreadable
from stream.events.decoder import decode_item, removed
from stream.events.outgoing import Log, Outgoing
from stream.events.records import DeadLetter, Record

# Vectors by text, `(d,) float32`, without those that the encoder cannot read; while it is out, this waits.
EmbedItems = Callable[[Sequence[str]], Awaitable[Mapping[str, Vector]]]


class PublishedItems(Protocol):
    """What is known of the item-vectors topic: a worker's catalogue, or what a replay keeps of it."""

    fingerprint: str

    def get(self, item_id: str) -> ItemVector | None:
        """The item's message, None while it has no vector. Title, facets and availability may be left out."""
        ...


class ItemPipeline:
    """decode → embed what is new → publish."""

    def __init__(
        self,
        topics: Topics,
        published: PublishedItems,
        embed: EmbedItems,
        log: Log,
        clock: Callable[[], int],
        guard: Guard | None = None,
    ) -> None:
        self._topics = topics
        self._published = published
        self._embed = embed
        self._log = log
        self._clock = clock
        guard = guard or Guard()
        self._condemned, self._faults = guard.quarantine.condemned, guard.faults

    async def process(self, records: Sequence[Record]) -> None:
        """Take in records of the items topic; returns when what they made is acknowledged."""
        await by_halves(records, self._process, self._contain)

    async def _contain(self, record: Record, error: Exception) -> None:
        await self._log.send([dead_letter_message(self._faults.dead_letter(record, error), self._clock())])

    async def _process(self, records: Sequence[Record]) -> None:
        out: list[Outgoing] = []
        items: dict[str, Item | None] = {}  # the newest of each id in this batch, in order of first arrival
        came: dict[str, Record] = {}
        for record in records:
            item = self._read(record)
            if isinstance(item, DeadLetter):
                out.append(dead_letter_message(item, self._clock()))
                continue
            item_id = item.item_id if item else removed(record)
            items[item_id], came[item_id] = item, record
        texts = {
            item_id: (item_text(item.title, item.text, item.facets), facet_text(item.facets))
            for item_id, item in items.items()
            if item is not None
        }
        fresh = [item_id for item_id, pair in texts.items() if self._known(item_id, pair) is None]
        wanted = list(dict.fromkeys(text for item_id in fresh for text in texts[item_id] if text))
        vectors = await self._embed(wanted) if wanted else {}
        for item_id, item in items.items():
            if item is None:
                out.append(Outgoing(self._topics.item_vectors, item_id.encode(), None))
                continue
            made = self._known(item_id, texts[item_id]) or self._vector(item, texts[item_id], vectors)
            if made is None:
                message = "the encoder reads others, but not this text: change it and publish the item again"
                dead_letter = DeadLetter(came[item_id], RejectReason.ENCODER_TIMEOUT, message, "embed")
                out.append(dead_letter_message(dead_letter, self._clock()))
                continue
            current = msgspec.structs.replace(made, title=item.title, facets=item.facets, available=item.available)
            # Published even if nothing seems to have changed: the local copy may lag behind a removal on its way.
            out.append(Outgoing(self._topics.item_vectors, item_id.encode(), msgspec.json.encode(current)))
        await self._log.send(out)
        self._faults.fine()

    def _read(self, record: Record) -> Item | DeadLetter | None:
        if self._condemned(record):
            return quarantined(record)
        if (dead_letter := unreadable(record)) is not None:
            return dead_letter
        try:
            return decode_item(record)
        except Rejected as error:
            return DeadLetter(record, error.reason, str(error), "decode")

    def _known(self, item_id: str, texts: tuple[str, str]) -> ItemVector | None:
        """The item as published, if its texts are still those."""
        known = self._published.get(item_id)
        return known if known is not None and known.revision == _revision(texts) else None

    def _vector(self, item: Item, texts: tuple[str, str], vectors: Mapping[str, Vector]) -> ItemVector | None:
        """The item with its vectors, None if the encoder cannot read it."""
        text, facets = texts
        if not vectors.keys() >= {each for each in texts if each}:
            return None
        return ItemVector(
            item_id=item.item_id,
            title=item.title,
            facets=item.facets,
            available=item.available,
            revision=_revision(texts),
            fingerprint=self._published.fingerprint,
            vector=pack(vectors[text]),
            facet_text=facets,
            facet_vector=pack(vectors[facets]) if facets else "",
        )


def _revision(texts: tuple[str, str]) -> str:
    """A digest of what is embedded."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()
