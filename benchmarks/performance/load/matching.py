"""Events and the lists that answer them: an event is answered by the first list that names it as folded."""

import msgspec
import numpy as np
import numpy.typing as npt

LOST_MS = 10_000.0  # what an event counts that no list named in so long


class _Folded(msgspec.Struct):
    event_id: str
    waiting: bool = False


class _Listed(msgspec.Struct):
    item_id: str


class _List(msgspec.Struct):
    user_id: str
    folded: list[_Folded]
    items: list[_Listed]


_lists = msgspec.json.Decoder(_List)


class Ledger:
    """The events of one run, by number. seen_s: `(n,)`, when the list came that named each, NaN until then.

    A list that names an event as waiting does not answer it: it is in no list yet, and is named again.
    lists: how many came of users who had one before. moved: those whose items, or their order, had changed.
    """

    def __init__(self, run: str, count: int) -> None:
        self._prefix = f"{run}-"
        self.seen_s: npt.NDArray[np.float64] = np.full(count, np.nan)
        self.received = 0
        self.lists = 0
        self.moved = 0
        self._last: dict[str, list[str]] = {}

    def take(self, value: bytes, at_s: float) -> int:
        """A list came. Returns how many events it was the first to name."""
        came, fresh = _lists.decode(value), 0
        for folded in came.folded:
            if folded.waiting or not folded.event_id.startswith(self._prefix):
                continue
            number = int(folded.event_id[len(self._prefix) :])
            if np.isnan(self.seen_s[number]):
                self.seen_s[number] = at_s
                fresh += 1
        self.received += fresh
        if came.folded:  # not one that was made again without an event
            items = [each.item_id for each in came.items]
            before = self._last.get(came.user_id)
            self.lists += before is not None
            self.moved += before is not None and before != items
            self._last[came.user_id] = items
        return fresh


def latencies_ms(due_s: npt.NDArray[np.float64], seen_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From when each event was to be sent until its list was there; what was not seen in time counts `LOST_MS`.

    >>> latencies_ms(np.array([1.0, 2.0, 3.0]), np.array([1.5, np.nan, 99.0])).tolist()
    [500.0, 10000.0, 10000.0]
    """
    took = (seen_s - due_s) * 1000
    return np.where(np.isnan(took), LOST_MS, np.minimum(took, LOST_MS))
