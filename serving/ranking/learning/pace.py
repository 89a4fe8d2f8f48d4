"""How much of a step an event may teach, by how much was taught within the hour: so that no rush decides.

However little each of a hundred false users may teach, together they teach more within a minute than everybody else
does in a day. So where T was taught within an hour or so, and M usually is when somebody teaches, a step counts

    min(1, 3·M / T)²

of its weight. A rush of honest users teaches what 3·M holds whole, and little of the rest: others follow. M follows T
with a half-life of a day, in which hours without anybody count nothing: what goes on is no rush.
"""

from collections.abc import Sequence

__all__ = ()

_HALF_LIFE_MS = 3_600_000
_FREE = 3.0  # times what is usual
_ENOUGH = 50.0  # whole steps from which on anything is usual
_USUAL_HALF_LIFE_MS = 24 * _HALF_LIFE_MS


class Pace:
    """Times are those of events, and never go back: what claims to be of last week came now. Without any all is whole.

    >>> pace = Pace()
    >>> shares = [pace.share_of(1.0, 60_000 * minute) for minute in range(2000)]
    >>> rush = [pace.share_of(1.0, 60_000 * 2000) for _ in range(1000)]
    >>> min(shares), rush[0], round(sum(rush))
    (1.0, 1.0, 279)
    """

    NUMBERS = 4

    def __init__(self, told: Sequence[float] = (0.0,) * NUMBERS) -> None:
        self._hour, self._usual, self._steps, self._newest_ms = told

    def share_of(self, weight: float, time_ms: int) -> float:
        """The share of one more step of a weight, in (0, 1]; to be asked once for each. time_ms: 0 if not known."""
        if not time_ms:
            return 1.0
        if time_ms > self._newest_ms:
            passed_ms = time_ms - self._newest_ms
            kept = 2.0 ** (-min(passed_ms, _HALF_LIFE_MS) / _USUAL_HALF_LIFE_MS)
            self._usual = kept * self._usual + (1.0 - kept) * self._hour
            self._hour *= 2.0 ** (-passed_ms / _HALF_LIFE_MS)
            self._newest_ms = float(time_ms)
        self._hour += weight
        if self._steps < _ENOUGH:  # a rush is not what is usual, but nothing is yet
            self._usual = max(self._usual, self._hour)
        share = min(1.0, _FREE * self._usual / self._hour) ** 2
        self._steps += min(weight * share, 1.0)
        return share

    def told(self) -> list[float]:
        """What another goes on from."""
        return [self._hour, self._usual, self._steps, self._newest_ms]
