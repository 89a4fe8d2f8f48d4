"""Every metric of a worker, by name. Base units, no user or item ids in labels."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from serving.model.tokens import BatchRun
from stream.encoder.deadline import Failure

__all__ = ["Metrics", "RenewalMetrics"]

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_BYTES = (256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 262_144)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Counts(NamedTuple):
    """What is counted of the lists of one variant of an experiment."""

    trials: Counter
    hits: Counter
    rank: Histogram
    trials_squared: Counter
    both: Counter
    hits_squared: Counter


class OnlineMetrics:
    """How good this worker's lists are, by what their users take next (see stream/monitoring/online_evaluation.py)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by = ["experiment", "variant"]
        self.made = Counter("penchant_lists", "Lists made for users, by path.", ["path"], registry=registry)
        self.trials = Counter(
            "penchant_list_trials",
            "Events on an item that the user's last list could have had.",
            by,
            registry=registry,
        )
        self.hits = Counter(
            "penchant_list_hits", "Trials whose item stood among that list's first ten.", by, registry=registry
        )
        self.squares = Counter(
            "penchant_list_squares",
            "Sums over users of trials², hits² and trials·hits: what intervals by user are made of.",
            [*by, "of"],
            registry=registry,
        )
        self.rank = Histogram(
            "penchant_list_rank",
            "Places, from 1, of trials' items that stood on that list.",
            by,
            buckets=(1, 2, 3, 5, 10, 20, 50, 100),
            registry=registry,
        )
        self.unevaluated = Counter(
            "penchant_list_unjudged",
            "Events whose user's last list is not known here: a first event, one after a restart, or of an idle user.",
            registry=registry,
        )
        self.answers = Counter(
            "penchant_list_answers",
            "Events that name the list they answer, by place, by the item's source there, and by the list's path.",
            ["position", "source", "path"],
            registry=registry,
        )
        self.coverage = Gauge(
            "penchant_list_coverage",
            "Share of the items on offer that stood among the first ten of the last 10,000 lists.",
            registry=registry,
        )
        self.gini = Gauge(
            "penchant_list_exposure_gini",
            "How unequally the places of some 10,000 lists are shared out among items, or a facet's values: 0 alike.",
            ["by"],
            registry=registry,
        )
        self.remembered = Gauge(
            "penchant_list_remembered_bytes", "Memory of the users' last lists, at most 32 MiB.", registry=registry
        )
        self._of: dict[tuple[str, str], Counts] = {}

    def of(self, experiment: str, variant: str) -> Counts:
        """What is counted of one variant; looked up once, as finding labels takes longer than counting."""
        by = (experiment, variant)
        if by not in self._of:
            squares = (self.squares.labels(*by, of) for of in ("trials", "both", "hits"))
            self._of[by] = Counts(self.trials.labels(*by), self.hits.labels(*by), self.rank.labels(*by), *squares)
        return self._of[by]


class RenewalMetrics:
    """Lists that are made again without an event of their users (stream/tasks/list_renewal.py)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.made = Counter(
            "penchant_list_renewals",
            "Lists made again without an event: an item is gone, it was short, it was about to expire.",
            ["why"],
            registry=registry,
        )
        self.seconds = Counter("penchant_list_renewal_seconds", "Time that took in all.", registry=registry)
        self.due = Gauge("penchant_list_renewals_due", "Lists that are to be made again.", registry=registry)
        self.known = Gauge(
            "penchant_published_lists", "Lists of active users whose items are known here.", registry=registry
        )


class Metrics:
    """One registry a worker, so that tests may have several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.stage_seconds = Histogram(
            "penchant_stage_seconds",
            "Time of one pipeline stage for one micro-batch.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.event_to_list_seconds = Histogram(
            "penchant_event_to_list_seconds",
            "From a record's timestamp to the acknowledgement of the list that names it, by that list's path; "
            "none: of what caused no list.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.records = Counter("penchant_records", "Records taken in.", ["topic"], registry=self.registry)
        self.events = Counter(
            "penchant_events",
            "New events by kind, and what became of them: folded, waiting, duplicate, retracted, rejected.",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.late = Counter(
            "penchant_late_events",
            "Events folded that are older than the newest in their user's ring.",
            registry=self.registry,
        )
        self.lag = Gauge(
            "penchant_lag_records",
            "Records of this worker's user partitions that are not taken in, at the last look, 2 s ago at most.",
            registry=self.registry,
        )
        self.state_bytes = Histogram(
            "penchant_state_bytes", "Size of a user's record as written.", buckets=_BYTES, registry=self.registry
        )
        self.dead_letters = Counter(
            "penchant_dead_letters", "Records sent to the dead letters, by reason.", ["reason"], registry=self.registry
        )
        self.contained = Counter(
            "penchant_contained",
            "Exceptions that nobody foresaw, by the stage they came from: each cost one record, or one list.",
            ["stage"],
            registry=self.registry,
        )
        self.left_out = Counter(
            "penchant_left_out_records",
            "Records that could not be sent or applied in any form, by topic; the log names each.",
            ["topic"],
            registry=self.registry,
        )
        self.forwarded = Counter(
            "penchant_forwarded",
            "Records found on the wrong partition and sent to the right one.",
            registry=self.registry,
        )
        self.erasures = Counter("penchant_erasures", "Users erased.", registry=self.registry)
        self.ignored = Counter(
            "penchant_ignored_events", "Events of before their user was erased, left out.", registry=self.registry
        )
        self.refused = Counter(
            "penchant_refused_writes", "Batches of a partition that the store refused.", registry=self.registry
        )
        self.repaired = Counter(
            "penchant_states_mended",
            "Broken records of users that were rebuilt from the log.",
            registry=self.registry,
        )
        self.covisits = Counter(
            "penchant_covisits", "Messages of covisits.v1 applied since the start.", registry=self.registry
        )
        self.statistics_events = Gauge(
            "penchant_statistics_events", "Events counted in the item statistics.", registry=self.registry
        )
        self.snapshot_bytes = Gauge(
            "penchant_snapshot_bytes", "Size of the last snapshot of the item statistics.", registry=self.registry
        )
        self.snapshot_seconds = Gauge(
            "penchant_snapshot_seconds",
            "Time of the last snapshot: the copy blocks the event loop, encoding and writing do not.",
            ["phase"],
            registry=self.registry,
        )
        self.texts_missed = Counter(
            "penchant_texts_missed",
            "Texts of new events that the encoder did not read in time.",
            registry=self.registry,
        )
        self.missed_texts_read = Counter(
            "penchant_texts_made_up", "Missed texts that the encoder has read since.", registry=self.registry
        )
        self.missed_waiting = Gauge(
            "penchant_missed_texts_waiting_users", "Users with texts that wait for the encoder.", registry=self.registry
        )
        self.encoder_failures = Counter(
            "penchant_encoder_failures",
            "Slices of texts that the encoder failed at, by how: late, hung, raised.",
            ["how"],
            registry=self.registry,
        )
        self.encoder_cached = Gauge(
            "penchant_encoder_cached_texts",
            "Texts since the start whose vector the encoder had remembered.",
            registry=self.registry,
        )
        self.encoder_read = Gauge(
            "penchant_encoder_read_texts", "Texts since the start that the encoder read.", registry=self.registry
        )
        self.encoder_batch_seconds = Histogram(
            "penchant_encoder_batch_seconds",
            "Time of one batch of texts in the encoder's engine.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.encoder_batch_occupancy = Histogram(
            "penchant_encoder_batch_occupancy",
            "Share of a batch's places that hold tokens of texts; the rest is padding, to the longest or to a shape.",
            buckets=_SHARES,
            registry=self.registry,
        )
        self.encoder_out = Gauge(
            "penchant_encoder_out", "1 while the encoder is late or its breaker open.", registry=self.registry
        )
        self.clock_skew = Gauge(
            "penchant_clock_skew_seconds",
            "How far this machine's clock is ahead of the store's.",
            registry=self.registry,
        )
        self.waiting = Gauge("penchant_waiting_users", "Users and items waited for.", registry=self.registry)
        self.online = OnlineMetrics(self.registry)
        self.renewals = RenewalMetrics(self.registry)
        self.items = Gauge("penchant_items_embedded", "Items with a vector.", registry=self.registry)
        self.partitions = Gauge("penchant_user_partitions", "User partitions held.", registry=self.registry)

    def encoder_failed(self, failure: Failure) -> None:
        """Count one of the encoder's failures."""
        self.encoder_failures.labels(failure.value).inc()

    def encoder_ran(self, batch: BatchRun) -> None:
        """Note a batch of the encoder's."""
        self.encoder_batch_seconds.observe(batch.seconds)
        self.encoder_batch_occupancy.observe(batch.tokens / batch.places)

    def leave_out(self, topic: str) -> None:
        """Count a record that could not be sent or applied."""
        self.left_out.labels(topic).inc()

    def exposition(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
