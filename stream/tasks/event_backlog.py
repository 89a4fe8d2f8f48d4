"""Whether user events wait: then what can wait for them does."""

import time
from collections.abc import Sequence

from stream.events.records import Record

_FOR_S = 1.0  # how long it is believed without another batch


class EventBacklog:
    """Told by the batches that come: while more waits than one takes, each is full. full: how many that are."""

    def __init__(self, full: int) -> None:
        self._full = max(full, 2)
        self._until_s = 0.0

    def look(self, records: Sequence[Record]) -> None:
        """Note how large a batch is."""
        self._until_s = time.monotonic() + _FOR_S if len(records) >= self._full else 0.0

    def stands(self) -> bool:
        """Whether events wait."""
        return time.monotonic() < self._until_s
