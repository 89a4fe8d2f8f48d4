"""The last so many things that happened to items, by event time, each once: rows of time, id and item. Pure.

They are a set of which only the newest are kept. Adding one, adding it again and joining two sets commute, also when
some were dropped in between, so order, batches and duplicates change nothing. A retracted one keeps its place,
without its item.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from serving.state.user_state import ID32

__all__ = ()

_Rows = npt.NDArray[np.void]


def added(rows: _Rows, row: tuple[int, int, int], limit: int) -> _Rows:
    """With one more; beyond `limit` of them the oldest goes."""
    if len(rows) and row <= rows[-1].item():
        return joined(rows, np.array([row], rows.dtype), limit)
    grown = np.empty(len(rows) + 1, rows.dtype)  # most come in order, and sorting them again takes ten times as long
    grown[:-1], grown[-1] = rows, row
    return grown[max(len(grown) - limit, 0) :]


def joined(rows: _Rows, others: _Rows, limit: int) -> _Rows:
    """Those of both."""
    both = np.unique(np.concatenate([rows, others]))  # sorted by the fields in their order
    return both[max(len(both) - limit, 0) :]


def forget_items(rows: _Rows, dedup_keys: Iterable[int]) -> None:
    """Forget, in place, of which item those under these ids were."""
    rows["item"][np.isin(rows["id"], [each & ID32 for each in dedup_keys])] = 0
