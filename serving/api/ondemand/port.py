"""The port: lists made when they are asked for. `stream/ondemand` makes them, with the code that a worker runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from penchant.messages import Review
from serving.api.ondemand.made_lists import ConversationTurn, ExplainedItems, QueriedList, RankedItems
from serving.filters import Filters
from serving.state.user_state import UserState


class NotAnswered(Exception):
    """Raised by `OnDemand`. reason: a word for programs. lasts: whether asking again is of no use."""

    def __init__(self, reason: str, words: str, *, lasts: bool = False) -> None:
        super().__init__(words)
        self.reason = reason
        self.lasts = lasts


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A user as the store has them; of one that it has not, a fresh state. Whoever takes the state may change it."""

    user_id: str
    state: UserState


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many items, None for as many as lists have, and which."""

    k: int | None = None
    filters: Filters = field(default_factory=Filters)


class OnDemand(Protocol):
    """Lists made when they are asked for. All raise NotAnswered; the path of all is `stale` as that of lists is."""

    async def query(self, user: KnownUser, said: Review, wanted: Wanted) -> QueriedList:
        """The list that the user would have right after this statement. Raises Rejected if no worker would take it."""
        ...

    async def converse(self, user: KnownUser, said: Review, wanted: Wanted) -> ConversationTurn:
        """The same, and what is asked then."""
        ...

    async def rank(self, user: KnownUser, item_ids: Sequence[str], filters: Filters) -> RankedItems:
        """Some items in the user's order, without those that filters leave out."""
        ...

    async def explain(self, user: KnownUser, item_id: str, without: str | None) -> ExplainedItems:
        """Where an item's points come from, or would, had an event been retracted. No items: it was never heard of.

        NotAnswered lasts where nothing is known of that event any more.
        """
        ...

    @property
    def progress(self) -> str:
        """How far what they need was read: `not yet`, `being read` or `ready`."""
        ...

    async def warm(self) -> None:
        """Read what requests will need, without waiting for one. NotAnswered: not yet, or not here."""
        ...

    async def close(self) -> None:
        """Follow nothing any more."""
        ...
