"""The settings of a worker, beside where broker, store and model are. Environment (`PENCHANT_…`) over `.env`."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, SecretStr

from serving.connections import Connections
from serving.ranking.rank_settings import RankSettings, Seen

if TYPE_CHECKING:  # what only checks its settings need not wait for all that
    from serving.model.sentiment import Sentiment
    from stream.processing.batch import Limits
    from stream.store.base import Retention

_DAY_S = 86_400
_LONGEST_SEGMENT_S = 8 * _DAY_S  # Kafka's default of a week, where `topics create` did not set one; a day to delete it


class WorkerSettings(Connections):
    """Every one has a default that serves a laptop and a small cluster alike."""

    provider: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where the encoder runs. `cuda` refuses to start without a usable GPU; `auto` falls back, loudly.",
    )
    encoder_threads: int = Field(
        default=0, ge=0, description="Threads of the encoder; 0: every core. More workers on a machine: share them out."
    )
    weights: Path | None = Field(
        default=None, description="The file that says what each action counts; default: stream/events/weights.toml."
    )
    k: int = Field(default=20, ge=1, le=1000, description="Items on a list.")
    list_rules: Path | None = Field(
        default=None,
        description="Blocks, demotes, boosts or pins items (serving/ranking/rules.py); read again when it changes.",
    )
    list_variety: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="How unlike each other a list's items are: 0 by points alone; .2 is felt, .4 costs hits.",
    )
    seen: Seen = Field(
        default="out",
        description="What a user has seen is out of later lists (films), or down: it stands lower; or what was bought "
        "is out until it is usually bought again (shops). A file of rules may say otherwise for some items.",
    )
    seen_points: float = Field(
        default=2.0,
        ge=0.0,
        le=1000.0,
        description="How many points lower, with `down`; docs/lists.md has what those are.",
    )
    fatigue_hours: float = Field(
        default=48.0,
        ge=0.0,
        le=8760,
        description="So long, and less and less, an item stands lower after it was shown and not taken; 0: never.",
    )
    experiment: Path | None = Field(
        default=None,
        description="A file of variants of the ranking's settings, and of whom they are for (docs/experiments.md).",
    )
    list_explore: float = Field(
        default=0.0,
        ge=0.0,
        le=0.25,
        description="The share of exploration slots, for rare items that fit, in rotation; none of the first three.",
    )
    list_relevance: float = Field(
        default=0.0,
        ge=0.0,
        le=1000.0,
        description="Points that an item needs from the user's own events; else what trends comes first. 0: none.",
    )
    idle_expiry_days: int = Field(
        default=180, ge=1, description="A user without any event for so long is forgotten; well above the half-life."
    )
    input_retention_days: int = Field(
        default=90,
        ge=1,
        description="How long the input topics keep events: so long an erased user's digest keeps old ones out.",
    )
    erasure_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Key of erased users' digests, the same for every worker and kept; default: one made in the store.",
    )
    erasure_secret_file: Path | None = Field(default=None, description="A file that holds that key.")
    clicks_are_seen: bool = Field(
        default=True,
        description="Whether views and clicks make an item seen, as ratings, purchases and reviews do in any case.",
    )
    user_caps: bool = Field(
        default=True,
        description="Whether a user's events on one item count once a day for everybody's lists; false: each counts.",
    )
    pair_users: int = Field(
        default=1,
        ge=1,
        le=255,
        description="Lists go by what so many users did with the same two items: 2, and no stranger's pair shows.",
    )
    list_expiry_s: int = Field(
        default=_DAY_S,
        ge=5,
        description="`expires_at` of a list: after that a reader should prefer the trending list.",
    )
    list_active_days: float = Field(
        default=30.0,
        ge=0.0,
        le=3650,
        description="So long after a user's last event the list is kept fresh: nothing that is gone, never expired.",
    )
    list_renewals_per_s: float = Field(
        default=200.0,
        ge=0.0,
        le=100_000,
        description="The most lists that a worker makes again in a second without an event of their users; 0: none.",
    )
    exposure_facet: str | None = Field(
        default=None,
        max_length=200,
        description="A facet (brand, seller) by whose values the metrics tell, too, how places are shared out.",
    )
    trending_every_s: float = Field(default=60.0, gt=0, description="How often the trending list `*` is refreshed.")
    statistics_every_s: float = Field(
        default=60.0,
        gt=0,
        description="How often item statistics are written to Redis, if changed: a restart follows what came since.",
    )
    batch: int = Field(
        default=256, ge=1, le=10_000, description="Most events in a micro-batch; of few users' clicks 4 times as many."
    )
    batch_wait_ms: float = Field(
        default=5.0,
        ge=0.5,
        le=1000,
        description="Micro-batches of a topic begin so far apart at least: latency against work per event.",
    )
    session_timeout_s: float = Field(
        default=10.0, ge=1, description="After so long without a heartbeat the group gives a worker's partitions away."
    )
    fetch_wait_ms: int = Field(
        default=500,
        ge=0,
        description="How long the broker may hold a fetch; 0: it does not, and is asked again, as the embedded one.",
    )
    health_host: str = Field(
        default="127.0.0.1", description="Where health and metrics listen; 0.0.0.0 in a container."
    )
    health_port: int = Field(default=0, ge=0, le=65_535, description="Port of health and metrics; 0: none.")
    language: Literal["en", "zh"] = Field(
        default="en", description="Language of the reasons' words, for users whose events say none."
    )

    def retention(self) -> "Retention":
        """How long the store keeps things, by these settings."""
        from stream.store.base import Retention

        secret = self.erasure_secret
        return Retention(
            idle_expiry_s=self.idle_expiry_days * _DAY_S,
            erased_s=self.input_retention_days * _DAY_S + _LONGEST_SEGMENT_S,
            erasure_secret=secret.get_secret_value().encode() if secret is not None else None,
        )

    def limits(self, sentiment: "Sentiment | None" = None) -> "Limits":
        """The bounds of a user's state that these settings make, and the model folder's sentiment head."""
        from stream.interest.fold import Bounds
        from stream.processing.batch import Limits

        bounds = Bounds(half_life_ms=round(self.half_life_days * _DAY_S * 1000))
        return Limits(bounds, sentiment=sentiment, user_caps=self.user_caps)

    def ranking(self) -> RankSettings:
        """What lists are ranked by, but for an experiment."""
        return RankSettings(
            language=self.language,
            variety=self.list_variety,
            fatigue_hours=self.fatigue_hours,
            explore=self.list_explore,
            relevance=self.list_relevance,
            seen=self.seen,
            seen_points=self.seen_points,
        )
