"""How much of a step an event may teach, by what is usual: so that few users do not teach most.

Where users take one thing a day, fifty events of one are somebody with a script; where they rate fifty films in an
evening, they are what there is to learn from. So with u, the mean n of the events so far, the n-th teaches

    min(1, 2·u / n)²

of a step. It moves that mean by min(1, u / n)² of a hundredth, so that whoever does far more than others does
not change what is usual. It begins above every n, as nothing is known then, and goes down within some hundred steps.
"""

__all__ = ()

MOST_OF_A_DAY = 21.0  # that a ring tells of, as this one
_RATE = 0.01
_FREE = 2.0  # times what is usual
MOST_USUAL = 1e6


class Usual:
    """number: the mean of which of its kind an event is.

    >>> usual = Usual(21.0)
    >>> usual.share_of(21)
    1.0
    >>> shares = [usual.share_of(1) for _ in range(1000)]
    >>> round(usual.number, 2), usual.share_of(2), round(usual.share_of(10), 2)
    (1.0, 1.0, 0.04)
    """

    def __init__(self, number: float = MOST_OF_A_DAY) -> None:
        self.number = number

    def share_of(self, nth: int) -> float:
        """The share of one more, in (0, 1]. nth: from 1."""
        share = min(1.0, _FREE * self.number / nth) ** 2
        self.number += _RATE * min(1.0, self.number / nth) ** 2 * (nth - self.number)
        return share
