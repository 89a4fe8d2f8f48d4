"""What workers' /metrics say, added up: against a worker's own metrics, not a text made for it."""

from serving.api.operator.worker_counts import counted, samples_of
from stream.monitoring.metrics import Metrics


def told(metrics: Metrics) -> str:
    return metrics.exposition().decode()


def test_two_workers_together() -> None:
    first, second = Metrics(), Metrics()
    for metrics, lag in ((first, 2), (second, 3)):
        metrics.lag.set(lag)
        metrics.items.set(100 * lag)
        metrics.records.labels("penchant.clicks.v1").inc(10)
        metrics.events.labels("click", "folded").inc(7)
        metrics.events.labels("like", "folded").inc(1)
        metrics.dead_letters.labels("bad_time").inc()
        metrics.online.made.labels("live").inc(8)
        metrics.online.of("", "").trials.inc(4)
        metrics.online.of("", "").hits.inc()
    for seconds in (0.004, 0.03, 0.03, 60.0):
        first.event_to_list_seconds.labels("live").observe(seconds)
    second.event_to_list_seconds.labels("cached").observe(0.004)
    second.online.gini.labels("items").set(0.7)
    second.online.gini.labels("genre").set(0.9)

    found = counted([samples_of(told(first)), samples_of(told(second))])

    assert (found.lag, found.items) == (5, 300)
    assert found.records == {"penchant.clicks.v1": 20}
    assert found.events == {"folded": 16}
    assert found.dead_letters == {"bad_time": 2}
    assert found.lists == {"live": 16}
    assert [(each.trials, each.hits) for each in found.variants] == [(8, 2)]
    by_end = dict(zip(found.event_to_list.le, found.event_to_list.counts, strict=True))
    assert {end: count for end, count in by_end.items() if count} == {0.005: 2, 0.05: 2, None: 1}
    assert found.gini == 0.7


def test_one_that_has_counted_nothing() -> None:
    found = counted([samples_of(told(Metrics()))])

    assert (found.lag, found.lists, found.variants, found.gini) == (0, {}, [], None)
    assert sum(found.event_to_list.counts) == 0
