"""When events are due: an open loop's clock, which waits for no answer."""

import numpy as np
import numpy.typing as npt


def due(rate: float, seconds: float, random: np.random.Generator, *, fixed: bool = False) -> npt.NDArray[np.float64]:
    """Seconds from the start at which events are to be sent, increasing, all below `seconds`.

    Poisson arrivals unless `fixed`: gaps are drawn from the exponential distribution of mean `1 / rate`.

    >>> due(2, 2, np.random.default_rng(0), fixed=True).tolist()
    [0.0, 0.5, 1.0, 1.5]
    """
    if fixed:
        return np.arange(0.0, seconds, 1.0 / rate)
    most = int(rate * seconds + 10 * np.sqrt(rate * seconds) + 10)  # ten standard deviations more than usual
    times = np.cumsum(random.exponential(1.0 / rate, most))
    return times[times < seconds]
