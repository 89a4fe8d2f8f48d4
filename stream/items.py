"""The catalogue's way in: each item is embedded once, and stands on the item-vectors topic for every ranker.

An item that comes again with the same text keeps its vector; what changed around it is published.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from serving.catalogue import Catalogue, facet_text, item_text, pack
from serving.errors import Rejected
from serving.messages import Item, ItemVector
from serving.topics import Topics
from stream.events import decode_item
from stream.publish import Log, Outgoing
from stream.records import DeadLetter, Record
from stream.rejects import dead_letter

EmbedItems = Callable[[Sequence[str]], Awaitable[npt.NDArray[np.float32]]]


class ItemPipeline:
    """decode → embed what is new → publish."""

    def __init__(
        self, topics: Topics, catalogue: Catalogue, embed: EmbedItems, log: Log, clock: Callable[[], int]
    ) -> None:
        self._topics = topics
        self._catalogue = catalogue
        self._embed = embed
        self._log = log
        self._clock = clock

    async def process(self, records: Sequence[Record]) -> None:
        """Take in records of the items topic; returns when what they made is acknowledged."""
        out: list[Outgoing] = []
        items: dict[str, Item | None] = {}  # the newest of each id in this batch, in order of first arrival
        for record in records:
            try:
                item = decode_item(record)
            except Rejected as error:
                out.append(dead_letter(DeadLetter(record, error.reason, str(error), "decode"), self._clock()))
                continue
            items[item.item_id if item else (record.key or b"").decode("utf-8", "replace")] = item
        texts = {
            item_id: (item_text(item.title, item.text, item.facets), facet_text(item.facets))
            for item_id, item in items.items()
            if item is not None
        }
        fresh = [item_id for item_id, pair in texts.items() if self._known(item_id, pair) is None]
        wanted = list(dict.fromkeys(text for item_id in fresh for text in texts[item_id] if text))
        vectors = dict(zip(wanted, await self._embed(wanted), strict=True)) if wanted else {}
        for item_id, item in items.items():
            if item is None:
                out.append(Outgoing(self._topics.item_vectors, item_id.encode(), None))
                continue
            made = self._known(item_id, texts[item_id]) or self._vector(item, texts[item_id], vectors)
            current = msgspec.structs.replace(made, title=item.title, facets=item.facets, available=item.available)
            # Published even if nothing seems to have changed: the local copy may lag behind a removal on its way.
            out.append(Outgoing(self._topics.item_vectors, item_id.encode(), msgspec.json.encode(current)))
        await self._log.send(out)

    def _known(self, item_id: str, texts: tuple[str, str]) -> ItemVector | None:
        """The item as published, if its texts are still those."""
        known = self._catalogue.get(item_id)
        return known if known is not None and known.revision == _revision(texts) else None

    def _vector(self, item: Item, texts: tuple[str, str], vectors: dict[str, npt.NDArray[np.float32]]) -> ItemVector:
        text, facets = texts
        return ItemVector(
            item_id=item.item_id,
            title=item.title,
            facets=item.facets,
            available=item.available,
            revision=_revision(texts),
            fingerprint=self._catalogue.fingerprint,
            vector=pack(vectors[text]),
            facet_text=facets,
            facet_vector=pack(vectors[facets]) if facets else "",
        )


def _revision(texts: tuple[str, str]) -> str:
    """A digest of what is embedded."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()
