"""Why an item is on a list: its positive points, split by the events they come from, as reasons in words."""

from collections.abc import Sequence

import numpy as np

from serving.catalogue import Catalogue
from serving.messages import Reason
from serving.profile import Floats, Source
from serving.words import ALSO, EARLIER, POPULAR, Language, because

_MOST = 3  # reasons of one item
_LEAST_SHARE = 0.1  # a smaller one is named only if it is the largest, or the largest that an event has

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
    events = [part for part, (event_id, _) in enumerate(told) if event_id is not None]
    return [
        _chosen(largest, values, events, told) for largest, values in zip(order.tolist(), shares.tolist(), strict=True)
    ]


def _chosen(largest: list[int], shares: list[float], events: list[int], told: Told) -> list[Reason]:
    """The reasons of one item: those above the least share, the event that gave it most in any case."""
    if shares[largest[0]] <= 0:
        return [Reason(None, 0.0, told[-1][1])]
    chosen = [part for at, part in enumerate(largest) if shares[part] >= _LEAST_SHARE or at == 0]
    event = max(events, key=shares.__getitem__, default=None)
    if event is not None and shares[event] > 0 and event not in chosen:
        chosen = [*chosen[: _MOST - 1], event]
    return [Reason(told[part][0], shares[part], told[part][1]) for part in chosen]


def _title(item_id: str, catalogue: Catalogue) -> str:
    """The item's title, or its id if it has none or is gone."""
    item = catalogue.get(item_id) if item_id else None
    return item.title if item is not None and item.title else item_id
