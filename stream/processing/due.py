"""What is pending in users' states and due: to be applied, or to become a dead letter."""

from typing import NamedTuple

from penchant.errors import RejectReason
from serving.state.user_state import PendingEvent, Retraction
from stream.events.records import DeadLetter
from stream.processing.batch import Trigger, WorkItem
from stream.processing.pending_events import record_of


class Pending(NamedTuple):
    """Something that waits in a user's state and is due. entry None: a merge that another owner has not answered.

    dead_letter: what it leaves as.
    """

    partition: int
    user_id: str
    entry: PendingEvent | Retraction | None
    trigger: Trigger
    dead_letter: DeadLetter | None = None


def expired(user_id: str, entry: PendingEvent | Retraction, dead_letter: DeadLetter | None = None) -> WorkItem:
    """A pending entry that becomes a dead letter; without a letter a retraction's is its refusal."""
    if isinstance(entry, Retraction):
        return WorkItem(
            user_id, entry.command_id, Trigger.EXPIRED if dead_letter else Trigger.UNCLAIMED, dead_letter=dead_letter
        )
    if dead_letter is None:
        reason, message = RejectReason.UNKNOWN_ITEM, f"item {entry.item_id!r} was not published in time"
        if entry.missed:
            reason, message = RejectReason.ENCODER_TIMEOUT, "the encoder did not read its text in time"
        dead_letter = DeadLetter(record_of(entry), reason, message, "fold")
    return WorkItem(user_id, entry.event_id, Trigger.EXPIRED, dead_letter=dead_letter)
