"""What workers count, added up: the numbers that people look at first, out of their /metrics. No I/O."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

__all__ = ()


class Histogram(msgspec.Struct):
    """le: upper ends of the buckets in seconds, null for the last: it has none. counts: in each, not in all below."""

    le: list[float | None]
    counts: list[float]


class VariantCount(msgspec.Struct):
    """Of the lists of one variant of an experiment; "" and "" where there is none: trials, and how many were hits."""

    experiment: str
    variant: str
    trials: float
    hits: float


class WorkerCounts(msgspec.Struct):
    """Since the workers' starts. records: by topic. events: by outcome. lists: by path. dead_letters: by reason.

    coverage, gini: of the worker with the most lists. cached, read: texts that the encoder had remembered, and others.
    """

    lag: float
    items: float
    partitions: float
    waiting: float
    records: dict[str, float]
    events: dict[str, float]
    lists: dict[str, float]
    dead_letters: dict[str, float]
    event_to_list: Histogram
    encoder_cached: float
    encoder_read: float
    encoder_out: float
    texts_missed: float
    contained: float
    variants: list[VariantCount]
    coverage: float | None
    gini: float | None


class WorkerState(msgspec.Struct):
    """Whether a worker answers; problem: why not."""

    address: str
    problem: str = ""


class Workers(msgspec.Struct):
    """workers: those that PENCHANT_API_WORKERS names. counts: of all that answered together; null if none did."""

    as_of: str
    workers: list[WorkerState]
    counts: WorkerCounts | None


def samples_of(exposition: str) -> list[Sample]:
    """Prometheus' text format, read."""
    return [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]


def counted(workers: Iterable[list[Sample]]) -> WorkerCounts:
    """Add up what several workers say."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for samples in workers:
        for sample in samples:
            found[sample.name].append(sample)
    exposure = [each for each in found["penchant_list_exposure_gini"] if each.labels["by"] == "items"]
    return WorkerCounts(
        lag=_sum(found["penchant_lag_records"]),
        items=_largest(found["penchant_items_embedded"]) or 0.0,
        partitions=_sum(found["penchant_user_partitions"]),
        waiting=_sum(found["penchant_waiting_users"]),
        records=_by(found["penchant_records_total"], "topic"),
        events=_by(found["penchant_events_total"], "outcome"),
        lists=_by(found["penchant_lists_total"], "path"),
        dead_letters=_by(found["penchant_dead_letters_total"], "reason"),
        event_to_list=_histogram(_by(found["penchant_event_to_list_seconds_bucket"], "le")),
        encoder_cached=_sum(found["penchant_encoder_cached_texts"]),
        encoder_read=_sum(found["penchant_encoder_read_texts"]),
        encoder_out=_sum(found["penchant_encoder_out"]),
        texts_missed=_sum(found["penchant_texts_missed_total"]),
        contained=_sum(found["penchant_contained_total"]),
        variants=_variants(found["penchant_list_trials_total"], found["penchant_list_hits_total"]),
        coverage=_largest(found["penchant_list_coverage"]),
        gini=_largest(exposure),
    )


def _sum(samples: list[Sample]) -> float:
    return sum((sample.value for sample in samples), 0.0)


def _largest(samples: list[Sample]) -> float | None:
    return max((sample.value for sample in samples), default=None)


def _by(samples: list[Sample], label: str) -> dict[str, float]:
    added: dict[str, float] = defaultdict(float)
    for sample in sorted(samples, key=lambda each: each.labels[label]):
        added[sample.labels[label]] += sample.value
    return dict(added)


def _histogram(by_end: dict[str, float]) -> Histogram:
    """Prometheus counts in each bucket what is in those below, too."""
    up_to = sorted((float(end), count) for end, count in by_end.items())
    counts = [after - before for before, after in pairwise([0.0, *(count for _, count in up_to)])]
    return Histogram([None if end == float("inf") else end for end, _ in up_to], counts)


def _variants(trials: list[Sample], hits: list[Sample]) -> list[VariantCount]:
    made: dict[tuple[str, str], VariantCount] = {}
    for of, samples in (("trials", trials), ("hits", hits)):
        for sample in samples:
            name = (sample.labels["experiment"], sample.labels["variant"])
            count = made.setdefault(name, VariantCount(*name, 0.0, 0.0))
            setattr(count, of, getattr(count, of) + sample.value)
    return [made[name] for name in sorted(made)]
