"""How much an event may count, by what is usual: so that few users are not most of what is known.

Where users take one thing a day, fifty events of one are somebody with a script; where they rate fifty films in an
evening, they are what there is to learn from. So with u, how many events a user's day usually has, the n-th counts

    min(1, u / n)²

of its weight; where less is to be feared several times u stand for u. What is usual goes by users, not by events: a
user's day counts once for each n that it reaches. With S(n) the share of days that reach n, of the last 5,000 or so,

    u = Σ_n min(max(4·S(n) - 1, 0), 1)

so what fewer than a quarter of all days reach is not usual, however many events those few send.
"""

from collections.abc import Sequence

__all__ = ()

MOST_OF_A_DAY = 21  # that a ring tells of, as this one
_FADE = 0.9998  # of the days before, for each that begins
_PRIOR = 10.0  # days that reached everything, as nothing is known yet
_LEAST, _MOST = 0.25, 0.5  # shares of days that reach n, below which it is not usual, and from which it is
_MOST_DAYS = 1e6
_FULL = 1e100  # of what a day counts: far from the end of a float


class Usual:
    """reached: how many days reached each n, from 1; those before count less. number: u.

    >>> usual = Usual()
    >>> usual.share_of(21)
    1.0
    >>> shares = [usual.share_of(1) for _ in range(1000)]
    >>> usual.number, usual.share_of(2), round(usual.share_of(10), 2)
    (1.0, 0.25, 0.01)
    """

    def __init__(self, reached: Sequence[float] = (_PRIOR,) * MOST_OF_A_DAY) -> None:
        self._reached = list(reached)
        self._day = 1.0  # what one counts; it grows, instead of all others fading
        self.number = 1.0
        self._look()

    def share_of(self, nth: int, times: float = 1.0) -> float:
        """The share of a user's `nth` event of a day, in (0, 1]; to be asked once for each. nth: from 1.

        times: what is usual counts whole so many times.
        """
        share = min(1.0, times * self.number / nth) ** 2
        if nth == 1:
            self._look()
            self._day /= _FADE
            if self._day > _FULL:
                self.reached()
        self._reached[min(nth, MOST_OF_A_DAY) - 1] += self._day
        return share

    def reached(self) -> list[float]:
        """What another is made from, and what this one goes on from, too."""
        self._reached, self._day = [each / self._day for each in self._reached], 1.0
        return self._reached.copy()

    def _look(self) -> None:
        """Work out u. Nothing is reached by more days than what is before it: the last n stands for all that follow."""
        most = days = self._reached[0]
        self.number = 0.0
        for each in self._reached:
            most = min(most, each)
            self.number += min(max((most / days - _LEAST) / (_MOST - _LEAST), 0.0), 1.0)


def are_days(reached: Sequence[float]) -> bool:
    """Whether somebody else's numbers can be what `Usual.reached` told."""
    return len(reached) == MOST_OF_A_DAY and reached[0] > 0 and all(0 <= each <= _MOST_DAYS for each in reached)
