"""What workers have counted of an experiment, read from their metrics."""

import urllib.error
import urllib.request
from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

from deploy.experiment.experiment_report import Tally
from penchant.errors import Unavailable

_PATIENCE_S = 10.0
_SUMS = {
    ("penchant_list_trials_total", ""): "trials",
    ("penchant_list_hits_total", ""): "hits",
    ("penchant_list_squares_total", "trials"): "trials_squared",
    ("penchant_list_squares_total", "hits"): "hits_squared",
    ("penchant_list_squares_total", "both"): "both",
}


def scrape(url: str) -> str:
    """What a worker's `/metrics` says; `url` with that path or without. Raises Unavailable if nobody answers."""
    address = url if url.endswith("/metrics") else f"{url.rstrip('/')}/metrics"
    try:
        with urllib.request.urlopen(address, timeout=_PATIENCE_S) as answer:  # noqa: S310 - what the user names
            return str(answer.read().decode())
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"{address} does not answer ({error}): name a worker's PENCHANT_HEALTH_HOST and _PORT"
        ) from error


def tallies(exposition: str, experiment: str) -> dict[str, Tally]:
    """Variant -> what one worker counted of an experiment; `exposition`: Prometheus' text format."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            part = _SUMS.get((sample.name, sample.labels.get("of", "")))
            if part is not None and sample.labels.get("experiment") == experiment:
                found[sample.labels["variant"]][part] = sample.value
    return {variant: Tally(**parts) for variant, parts in found.items()}
