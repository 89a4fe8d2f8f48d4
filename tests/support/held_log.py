"""A log in memory, as a replay reads one."""

from collections.abc import AsyncIterator, Iterable, Mapping

from stream.events.records import Record
from stream.rebuild.log_reader import LogReader, Place, Span


class HeldLog(LogReader):
    """Topics in memory, a partition each."""

    def __init__(self, *records: Record) -> None:
        super().__init__("nowhere")
        self.records = list(records)

    async def partitions(self, topic: str) -> list[Place]:
        return sorted({(each.topic, each.partition) for each in self.records if each.topic == topic})

    async def starts(self, places: Iterable[Place]) -> dict[Place, int]:
        return dict.fromkeys(places, 0)

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        return dict.fromkeys(places, 2**31)

    async def read(self, spans: Mapping[Place, Span]) -> AsyncIterator[list[Record]]:
        yield [each for each in self.records if (each.topic, each.partition) in spans]
