"""Why an item is on a list: its positive points, split by the events they come from, as reasons in words."""

from collections.abc import Sequence

import numpy as np

from serving.catalogue import Catalogue
from serving.messages import Reason
from serving.profile import Floats, Source
from serving.words import ALSO, EARLIER, POPULAR, Language, because

_MOST = 3  # reasons of one item
_LEAST_SHARE = 0.1  # a smaller one is named only if there is no larger one

Told = list[tuple[str | None, str]]


def tell(sources: Sequence[Source], catalogue: Catalogue, language: Language) -> Told:
    """Event id and words of each source, then of what was liked before them, then of popularity, then of nothing."""
    told: Told = [(source.event_id, because(source, _title(source.item_id, catalogue), language)) for source in sources]
    return [*told, (None, EARLIER[language]), (None, POPULAR[language]), (None, ALSO[language])]


def reasons(parts: Floats, told: Told) -> list[list[Reason]]:
    """At least one reason for each item, the largest first; the shares of an item add up to at most 1.

    parts: `(r, len(told) - 1)`, points ≥ 0 of each item by where they come from. An item without any has told's last.
    """
    parts = parts.astype(np.float64)  # else a share of .551 is written as 0.5509999990463257
    sums = parts.sum(axis=1, keepdims=True)
    # Rounded down, so that shares never add up to more than 1.
    shares = np.floor(1000.0 * parts / np.maximum(sums, 1e-9)) / 1000.0
    order = np.argsort(-shares, axis=1, kind="stable")[:, :_MOST]
    largest = shares[np.arange(len(order))[:, None], order]
    return [
        [
            Reason(told[part][0], share, told[part][1])
            for at, (part, share) in enumerate(zip(columns, values, strict=True))
            if share >= _LEAST_SHARE or at == 0
        ]
        if values[0] > 0
        else [Reason(None, 0.0, told[-1][1])]
        for columns, values in zip(order.tolist(), largest.tolist(), strict=True)
    ]


def _title(item_id: str, catalogue: Catalogue) -> str:
    """The item's title, or its id if it has none or is gone."""
    item = catalogue.get(item_id) if item_id else None
    return item.title if item is not None and item.title else item_id
