"""The import name for other people's code: client for lists, producer for events, messages, topics, errors.

`penchant.testing` has fakes of both, for their tests.

It needs the base install alone and imports none of Penchant's other packages: a service may have a package of its own
called `serving`. What is public stands in `__all__`.
"""

from penchant.client.recommendations import Recommendations
from penchant.client.user_list import UserList
from penchant.errors import (
    BufferFull,
    Fatal,
    Misconfigured,
    PenchantError,
    Refused,
    Rejected,
    RejectReason,
    Unavailable,
)
from penchant.messages import (
    MESSAGES,
    AuditedCommand,
    Cause,
    Click,
    Command,
    CoVisitEvent,
    CoVisits,
    Folded,
    Item,
    ItemVector,
    ListItem,
    Reason,
    Receipt,
    RecommendationList,
    Review,
)
from penchant.partitioner import partition_of
from penchant.producer.event_producer import EventProducer
from penchant.producer.event_sender import Delivery
from penchant.topics import Topic, Topics

__all__ = [
    "MESSAGES",
    "AuditedCommand",
    "BufferFull",
    "Cause",
    "Click",
    "CoVisitEvent",
    "CoVisits",
    "Command",
    "Delivery",
    "EventProducer",
    "Fatal",
    "Folded",
    "Item",
    "ItemVector",
    "ListItem",
    "Misconfigured",
    "PenchantError",
    "Reason",
    "Receipt",
    "RecommendationList",
    "Recommendations",
    "Refused",
    "RejectReason",
    "Rejected",
    "Review",
    "Topic",
    "Topics",
    "Unavailable",
    "UserList",
    "partition_of",
]
