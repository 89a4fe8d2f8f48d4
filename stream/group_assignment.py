"""What becomes of the partitions that the group assigns to a worker: those of users, and those of items."""

from collections.abc import Awaitable, Callable, Collection, Mapping

from faust.types import TP

from stream.containment.quarantine import Quarantine, items_scope
from stream.kafka.assignment import Partitions
from stream.kafka.leader_epochs import LeaderEpochs, ReadUpTo
from stream.tasks.flow_gate import FlowGate


class GroupAssignment:
    """What the consumer asks (stream/kafka/consumer.py). partitions: those of the user topics.

    assigned: whether the group has said yet which are mine, if any. on_owned: told which user partitions are mine.
    check: of partitions that were taken over, that the log still has what the store read of it. epochs: the same, as
    records tell it.
    """

    def __init__(
        self,
        items_topic: str,
        partitions: Partitions,
        quarantine: Quarantine,
        gate: FlowGate,
        on_owned: Callable[[Collection[int]], None],
        check: Callable[[Collection[int]], Awaitable[None]],
        epochs: LeaderEpochs,
    ) -> None:
        self.assigned = False
        self.partitions = partitions
        self._items_topic = items_topic
        self._quarantine = quarantine
        self._gate = gate
        self._on_owned = on_owned
        self._check = check
        self._epochs = epochs
        self._item_partitions: set[int] = set()

    @property
    def open(self) -> bool:
        """Whether user topics may flow."""
        return self._gate.open

    async def give_back(self) -> None:
        """Say that nobody died over what this worker owns: the group is about to assign it again."""
        await self.partitions.give_back()
        for number in self._item_partitions:
            await self._quarantine.given_back(items_scope(number))
        self._item_partitions.clear()

    def spare(self) -> None:
        """See `Assignment.spare`."""
        self.assigned = True

    async def begin(self, assigned: set[TP]) -> dict[TP, int | None]:
        """Take over what the group assigned. Returns the next offset that each user partition's states need."""
        before = self.partitions.owned
        positions = await self.partitions.begin(assigned)
        if taken_over := self.partitions.owned - before:
            await self._check(taken_over)
            await self._epochs.begin(self.partitions.stands(taken_over))
        items = {tp.partition for tp in assigned if tp.topic == self._items_topic}
        for number in items - self._item_partitions:
            await self._quarantine.acquired(items_scope(number), number, {})
        self._item_partitions = items
        self.assigned = True
        self._on_owned(self.partitions.owned)
        return positions

    async def replaced(self, came: Mapping[TP, ReadUpTo]) -> set[TP]:
        """See `LeaderEpochs.replaced`; of items no state stands for what was read."""
        of_users = self.partitions.of_users(came)
        places = await self._epochs.replaced({(tp.topic, tp.partition): came[tp] for tp in of_users})
        return {tp for tp in of_users if (tp.topic, tp.partition) in places}
