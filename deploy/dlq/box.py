"""Dead letters for the API's operators: what `penchant dlq` does, behind the API's seam."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from deploy.dlq.dead_letter_record import DEAD_LETTER_TOPICS, DeadLetterFilter, DeadLetterRecord
from deploy.dlq.listing import as_dict, count
from deploy.dlq.redrive import RedrivePlan, open_dead_letters, redrive
from penchant.topics import Topics
from serving.api.operator.dead_letters import Letter, LetterCount, Letters, RedriveRequest, RedriveResult
from serving.kafka.brokers import AnyBrokers

__all__ = ["BrokersDeadLetters"]

_NEWEST = 50
_SHOWN = 2000  # characters of a key or a value


@dataclass(frozen=True, slots=True)
class BrokersDeadLetters:
    """A `DeadLetterBox`. Reads all of the dead letters each time: somebody looks, now and then."""

    brokers: AnyBrokers
    topics: Topics

    def look(self) -> Letters:
        """See `DeadLetterBox.look`."""
        newest: list[tuple[int, int, DeadLetterRecord]] = []

        def noted(dead_letters: Iterable[DeadLetterRecord]) -> Iterator[DeadLetterRecord]:
            for number, each in enumerate(dead_letters):
                entry = (each.time_ms, number, each)
                (heapq.heappush if len(newest) < _NEWEST else heapq.heappushpop)(newest, entry)
                yield each

        with open_dead_letters(self.brokers, self.topics, DeadLetterFilter()) as (dead_letters, redrive_log):
            counts, erasures = count(noted(dead_letters.read()), redrive_log, self.topics)
            shown = [self._shown(each, each in redrive_log) for *_, each in sorted(newest, reverse=True)]
        return Letters(msgspec.convert(counts, list[LetterCount]), shown, erasures)

    def redrive(self, wanted: RedriveRequest) -> RedriveResult:
        """See `DeadLetterBox.redrive`."""
        by_name = {self.topics.name(topic): topic for topic in DEAD_LETTER_TOPICS}
        if wanted.topic is not None and wanted.topic not in by_name:
            raise ValueError(f"no dead letters come from {wanted.topic!r}: it is one of {', '.join(by_name)}")
        chosen = DeadLetterFilter(
            topics=frozenset() if wanted.topic is None else frozenset({by_name[wanted.topic]}),
            reasons=frozenset() if wanted.reason is None else frozenset({wanted.reason}),
        )
        with open_dead_letters(self.brokers, self.topics, chosen) as (dead_letters, redrive_log):
            done = redrive(self.brokers, self.topics, dead_letters, redrive_log, RedrivePlan())
        return RedriveResult(done.sent.total(), len(done.left))

    def _shown(self, dead_letter: DeadLetterRecord, redriven: bool) -> Letter:
        told = as_dict(dead_letter, self.topics, redriven=redriven)
        for name in ("key", "value"):
            text = told.get(name, told.get(f"{name}_base64"))
            told[name] = None if text is None else text[:_SHOWN]
        return msgspec.convert(told, Letter)
