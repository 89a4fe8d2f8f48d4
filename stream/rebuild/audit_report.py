"""What a verification says: who is not the same and in what, what may differ without a fault, items' totals."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from stream.rebuild.caveats import Caveat
from stream.rebuild.compare import Difference
from stream.rebuild.log_reader import Place
from stream.rebuild.side_topics import Interactions

__all__ = ["ITEM_EXACTNESS", "Finding", "Report"]

ITEM_EXACTNESS = 0.01  # of all interactions: what the order of arrival may change

MISSING, EXTRA = "record", "log"


@dataclass(frozen=True, slots=True)
class Finding:
    """One user who is not the same. doubts: why that may be no fault."""

    user: str
    partition: int
    differences: tuple[Difference, ...]
    caveats: frozenset[Caveat] = frozenset()

    def only(self, name: str) -> bool:
        """Whether it is one difference of that name."""
        return [each.field for each in self.differences] == [name]


@dataclass(frozen=True, slots=True)
class _ItemTotals:
    """Totals of items by the replay against those on `covisits.v1`. Differences are relative.

    retractions: in the log, with erasures and merges. With any, only a worker knows what it had counted before they
    came: a user counts once for an item, and who that was before a merge is known no more.
    """

    compared: int = 0
    different: int = 0
    largest: float = 0.0
    overall: float = 0.0
    retractions: int = 0

    @property
    def right(self) -> bool:
        """Whether the totals are as close as they have to be."""
        return self.retractions > 0 or self.overall <= ITEM_EXACTNESS


@dataclass(slots=True)
class Report:
    """What a verification found. findings: users who are not the same. truncated: place -> where its log begins."""

    users: int = 0
    findings: list[Finding] = field(default_factory=list)
    items: _ItemTotals = field(default_factory=_ItemTotals)
    events: int = 0
    seconds: float = 0.0
    truncated: dict[Place, int] = field(default_factory=dict)

    @property
    def equal(self) -> int:
        """How many users are the same."""
        return self.users - len(self.findings)

    @property
    def events_per_s(self) -> float:
        """How fast records were processed, encoding among it."""
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def different(self) -> list[Finding]:
        """Users whose state is another."""
        return [each for each in self._faults() if not each.only(MISSING) and not each.only(EXTRA)]

    @property
    def missing(self) -> list[Finding]:
        """Users whom the log makes and the store lacks."""
        return [each for each in self._faults() if each.only(MISSING)]

    @property
    def extra(self) -> list[Finding]:
        """Users in the store whom the log does not make."""
        return [each for each in self._faults() if each.only(EXTRA)]

    @property
    def apart(self) -> list[Finding]:
        """Users who differ, and may."""
        return [each for each in self.findings if each.caveats]

    @property
    def right(self) -> bool:
        """Whether nothing differs that should not."""
        return not any(self._faults()) and self.items.right

    def _faults(self) -> Iterator[Finding]:
        return (each for each in self.findings if not each.caveats)


def compare_items(stated: Interactions, rebuilt: dict[str, float], retractions: int = 0) -> _ItemTotals:
    """Totals by item, of those that either side has.

    >>> compare_items(Interactions({"a": 2.0, "b": 1.0}), {"a": 1.0, "b": 1.0})
    _ItemTotals(compared=2, different=1, largest=0.5, overall=0.3333333333333333, retractions=0)
    """
    ids = stated.totals.keys() | rebuilt.keys()
    pairs = [(stated.totals.get(each, 0.0), rebuilt.get(each, 0.0)) for each in ids]
    apart = [(abs(mine - theirs), max(mine, theirs)) for mine, theirs in pairs if abs(mine - theirs) > 1e-6 * mine]
    whole = sum(max(each) for each in pairs)
    return _ItemTotals(
        compared=len(pairs),
        different=len(apart),
        largest=max((difference / size for difference, size in apart if size), default=0.0),
        overall=sum(difference for difference, _ in apart) / whole if whole else 0.0,
        retractions=retractions,
    )
