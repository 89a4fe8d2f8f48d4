"""What stands beside the events on the log: dead letters, co-visit weights by item, and which commands were taken."""

from dataclasses import dataclass, field
from math import inf

import msgspec

from penchant.errors import Rejected, RejectReason
from penchant.messages import AuditedCommand
from penchant.topics import Topic, Topics
from serving.ranking.covisit_messages import readable
from stream.events.authority import Authority
from stream.events.records import Record
from stream.rebuild.log_reader import LogReader, Place

__all__ = ()

# A worker's answer to these depends on what else had come by then, or on its clock. Others cannot be read by a
# replay either.
_BY_THE_MOMENT = frozenset(
    reason.value
    for reason in (
        RejectReason.UNKNOWN_ITEM,
        RejectReason.UNKNOWN_TYPE,
        RejectReason.BAD_TIME,
        RejectReason.ID_REUSED,
        RejectReason.RETRACT_UNKNOWN,
        RejectReason.RETRACT_TOO_LATE,
        RejectReason.MERGE_CYCLE,
        RejectReason.UNSIGNED,
        RejectReason.ENCODER_TIMEOUT,
        RejectReason.INTERNAL,
        RejectReason.QUARANTINED,
        RejectReason.UNREADABLE,
        RejectReason.TOO_LARGE,
    )
)


@dataclass(slots=True)
class Interactions:
    """Σ co-visit weights by item, up to some offsets. first: source place -> the first offset that is known of it."""

    totals: dict[str, float] = field(default_factory=dict)
    first: dict[Place, int] = field(default_factory=dict)


@dataclass(slots=True)
class Verdicts:
    """An `Authority`: a replay gives each command the verdict of when it came, whatever keys there are by now.

    topic: of the audit. keys: of today, for commands about which nobody has decided yet.

    keys None: they need none. What came before there was an audit, when commands needed no signature, was taken.
    """

    topic: str
    keys: Authority | None
    known: bool = False
    taken: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    since_ms: float = inf

    async def read(self, log: LogReader) -> None:
        """Read what the workers wrote down."""
        places = await log.partitions(self.topic)
        self.known = True
        if not places:
            return
        starts, ends = await log.starts(places), await log.ends(places)
        async for records in log.read({place: (starts[place], ends[place]) for place in places}):
            for record in records:
                self.note(record)

    def note(self, record: Record) -> None:
        """Take in one record of the audit; one that cannot be read says nothing."""
        try:
            told = msgspec.json.decode(record.value or b"", type=AuditedCommand)
        except msgspec.MsgspecError:
            return
        if told.position is not None:
            self.since_ms = min(self.since_ms, record.timestamp_ms)
            unsigned = told.status == "refused" and told.reason.startswith(RejectReason.UNSIGNED.value)
            (self.refused if unsigned else self.taken).add(told.position)

    def __call__(self, record: Record) -> str:
        """See `Authority`."""
        if record.position in self.refused:
            raise Rejected(RejectReason.UNSIGNED, "it was refused when it came")
        if self.keys is None or record.position in self.taken or record.timestamp_ms < self.since_ms:
            return ""
        return self.keys(record)


async def dead_lettered(log: LogReader, topics: Topics) -> frozenset[str]:
    """The records in the dead letters that a replay may count, by the ids of their places."""
    names = [topics.dlq(topic) for topic in Topic if topic.user_keyed and topic.value.dead_letters]
    places = [place for name in names for place in await log.partitions(name)]
    ends = await log.ends(places)
    starts = await log.starts(places)
    found: set[str] = set()
    async for dead_letters in log.read({place: (starts[place], ends[place]) for place in places}):
        for dead_letter in dead_letters:
            if dead_letter.header("penchant.error") in _BY_THE_MOMENT:
                told = (dead_letter.header(f"penchant.{name}") for name in ("topic", "partition", "offset"))
                found.update((dead_letter.origin, "-".join(each or "" for each in told)))
    return frozenset(found)


async def interactions(log: LogReader, topic: str, before: dict[Place, int]) -> Interactions:
    """What `covisits.v1` says of events before these offsets: each event once, however often it was sent."""
    places = await log.partitions(topic)
    starts, ends = await log.starts(places), await log.ends(places)
    whole = not any(starts.values())
    found, applied = Interactions(), dict[Place, int]()
    async for messages in log.read({place: (starts[place], ends[place]) for place in places}):
        for each in readable(message.value for message in messages):
            source = (each.topic, each.partition)
            if not whole:
                found.first.setdefault(source, each.first)
            last = applied.get(source, -1)
            for event in each.events:
                if last < event.offset < before.get(source, 0):
                    found.totals[event.item_id] = found.totals.get(event.item_id, 0.0) + event.covisit
                    last = event.offset
            applied[source] = last
    return found
