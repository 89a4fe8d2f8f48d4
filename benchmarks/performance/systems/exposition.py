"""What a worker's /metrics says, as numbers; and what stages took between two looks at it."""

from collections.abc import Mapping
from urllib.request import urlopen

from penchant.errors import Unavailable

_PATIENCE_S = 60.0  # of an overloaded worker
_SUM, _RECORDS = 'penchant_stage_seconds_sum{stage="', 'penchant_records_total{topic="'


def scrape(url: str) -> dict[str, float]:
    """Series and value of each line at `url`/metrics."""
    try:
        with urlopen(f"{url}/metrics", timeout=_PATIENCE_S) as answer:  # noqa: S310 - loopback
            return parse(answer.read().decode())
    except OSError as error:
        raise Unavailable(f"the worker at {url} does not tell its metrics: {error}") from error


def parse(text: str) -> dict[str, float]:
    r"""Prometheus' text format.

    >>> parse('# HELP a b\na{stage="rank"} 2.5\n')
    {'a{stage="rank"}': 2.5}
    """
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, value in lines}


def totals(urls: list[str]) -> dict[str, float]:
    """Of some workers, added up."""
    added: dict[str, float] = {}
    for url in urls:
        for series, value in scrape(url).items():
            added[series] = added.get(series, 0.0) + value
    return added


def processed(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """How many records of user topics were taken in between."""
    return sum(value - before.get(series, 0.0) for series, value in after.items() if series.startswith(_RECORDS))


def per_event_us(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Microseconds by stage and event between two looks: the clock's time of the stage, waiting included."""
    events = max(processed(before, after), 1.0)
    return {
        series[len(_SUM) : -2]: (value - before.get(series, 0.0)) / events * 1e6
        for series, value in after.items()
        if series.startswith(_SUM)
    }
