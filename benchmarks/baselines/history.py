"""What baselines remember of users: the rows of their last items."""

import numpy as np
import numpy.typing as npt

LAST = 20


class Histories:
    """User -> the last `most` rows, oldest first."""

    def __init__(self, most: int = LAST) -> None:
        self._most = most
        self._rows: dict[str, list[int]] = {}

    def of(self, user: str) -> list[int]:
        """The rows, newest first."""
        return self._rows.get(user, [])[::-1]

    def add(self, user: str, row: int) -> None:
        """Append an item."""
        rows = self._rows.setdefault(user, [])
        rows.append(row)
        del rows[: -self._most]


def decayed(n: int, decay: float) -> npt.NDArray[np.float32]:
    """The weights of the last n items, newest first: `decay` to the power of 0, 1, 2 …, `(n,)`."""
    return (decay ** np.arange(n)).astype(np.float32)
