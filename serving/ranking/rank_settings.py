"""What lists go by beside what the blend learns: points, decays, and what is left out."""

from dataclasses import dataclass
from typing import Literal

from serving.lexical.spoken_points import SpokenWeights
from serving.ranking.reasons.phrases import Language

__all__ = ["RankSettings", "Seen"]

Seen = Literal["out", "down", "again"]


@dataclass(frozen=True, slots=True)
class RankSettings:
    """Points for what the blend does not learn; similarities are cosines (about -.5 to .8).

    long: the long-term interest. ring_decay: an item's weight for each newer event of the user.
    text, facet: what was written, against the items and against the texts of their facets.
    review: what the text of a review counts beside a statement's.
    negative_weight: what counts what a statement does not want, beside what it wants.
    override: a statement's weight for each newer statement (a review's for each newer review).
    said_decay: the weight of what was written or dismissed for each newer event: it outlives other interactions.
    statement_damping: by how much a fresh statement down-weights earlier interactions: who asks for something wants
    that, not more of the same. It wears off as the statement does.
    against, against_facet: what was dismissed, against the items and against the texts of their facets.
    variety: of a list (serving/ranking/slate.py), from 0 to 1.
    fatigue: points that an item loses for each impression without an interaction; fatigue_hours: until that has worn
    off, 0: never any (serving/ranking/impression_discount.py).
    relevance: points that an item must have from what the user did; what trends stands behind. 0: any will do.
    explore: the share of a list's places that are exploration slots (serving/ranking/exploration.py).
    seen: whether what the user has seen is out, or stands lower, by seen_points, or what was bought is out until it is
    usually bought again (serving/ranking/seen/seen_items.py); what was dismissed is out in any case.
    again: points of what is bought again about now, by the logarithm of its chance; like: points that what is like a
    durable just bought loses.
    words, against_words: an item that has all words of what a statement wants, or of what it does not want.
    outside: what an item loses whose number lies outside of what a statement asks for.
    """

    long: float = 0.1
    ring_decay: float = 0.8
    text: float = 2.0
    facet: float = 0.6
    review: float = 0.5
    negative_weight: float = 1.5
    override: float = 0.6
    said_decay: float = 0.95
    statement_damping: float = 0.7
    against: float = 0.3
    against_facet: float = 0.1
    variety: float = 0.0
    fatigue: float = 0.3
    fatigue_hours: float = 48.0
    relevance: float = 0.0
    explore: float = 0.0
    seen: Seen = "out"
    seen_points: float = 2.0
    again: float = 2.0
    like: float = 2.0
    words: float = 3.5
    against_words: float = 10.0
    outside: float = 12.0
    language: Language = "en"

    @property
    def spoken(self) -> SpokenWeights:
        """What words and numbers count."""
        return SpokenWeights(self.words, self.against_words, self.outside, self.override)
