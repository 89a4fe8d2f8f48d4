"""The worker's pipeline over records that were taken in before: the same states, and not a word to the log.

A copy that a worker made (header `penchant.origin`) is skipped if its original lies where its user belongs: that one is
taken in at its place. The copy of an original on a wrong partition is taken in where it stands, as the worker did: so a
replay up to a live state's offsets has exactly what that state has. At the end of a rebuild the originals follow whose
copies have not come.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from serving.errors import Rejected
from stream.lists import Ranking
from stream.pipeline import Pipeline
from stream.publish import Outgoing
from stream.records import ORIGIN, Forward, Record
from stream.rejects import forwarded
from stream.replay.notes import Doubt, Notes
from stream.turns import Arrival, Input, Part


class Silence:
    """A log that takes nothing: a replay sends nothing."""

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See `stream.publish.Log`."""
        if records:
            raise TypeError("this is a bug: a replay was about to send records")


def no_rank(_: object) -> Sequence[Ranking]:
    """A ranker that is never asked for a list."""
    return []


@dataclass(frozen=True, kw_only=True)
class ReplayPipeline(Pipeline):
    """See the module. strays: originals on wrong partitions whose copies have not come, by the id of their place."""

    notes: Notes
    strays: dict[str, Forward] = field(default_factory=dict)

    def decode(self, records: Sequence[Record]) -> list[Part]:
        """Sort records into parts by partition. What cannot be read was a dead letter then, and is left out."""
        parts: dict[int, Part] = {}
        for record in records:
            self.notes.events += 1
            try:
                event = self.decoder.decode(record)
            except Rejected:
                continue
            if isinstance(event, Forward):
                self.strays[f"{record.topic}-{record.partition}-{record.offset}"] = event
                continue
            origin = record.header(ORIGIN) if record.headers else None
            if origin is not None:
                self.strays.pop(origin, None)
                if _partition_in(origin) == record.partition:
                    continue
            self.notes.event(event)
            part = parts.setdefault(record.partition, Part(record.partition))
            part.inputs.append(Input(event.user_id, event.event_id, Arrival.FRESH, event))
        return list(parts.values())

    async def bring_home(self) -> None:
        """Take in the originals whose copies have not come."""
        left = list(self.strays.values())
        copies = [(stray.record, forwarded(stray)) for stray in left]
        self.strays.clear()
        await self.process(
            [
                Record(
                    copy.topic, copy.partition or 0, was.offset, was.timestamp_ms, copy.key, copy.value, copy.headers
                )
                for was, copy in copies
            ]
        )

    async def announce(self, parts: Iterable[Part]) -> None:
        """Nothing is announced; what items were touched by is added up."""
        for part in parts:
            for topic, pairs in part.pairs.items():
                self.notes.pairs((topic, part.partition), pairs)
            for turn in part.turns.values():
                turn.due = False
            self._doubt_refused(part)

    def _doubt_refused(self, part: Part) -> None:
        """What is refused because of what came before it may have been taken in when it came."""
        refused = {id(letter.record) for letter in part.dead}
        for each in part.inputs:
            if each.letter is not None or (each.event is not None and id(each.event.record) in refused):
                self.notes.doubt(each.user_id, Doubt.PUT_ASIDE)

    def rank(self, parts: Iterable[Part]) -> list[Outgoing]:
        """No lists."""
        return []


def _partition_in(origin: str) -> int | None:
    """The partition that an id made from a place names; None if it is none: anybody may write a header."""
    number = origin.rsplit("-", 2)[1:2]
    return int(number[0]) if number and number[0].isascii() and number[0].isdecimal() else None
