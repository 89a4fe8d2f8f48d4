"""Bugs that are planted in a worker, each in one stage, for records of users whose ids name it.

FAULT_RAISE  decode,fold,answer,send,fetch,exit: some of these. `planted-fold-7` is a user over whose events folding
             raises; over those of `planted-exit-7` the process ends, without a word
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import penchant.kafka.batch_records
import serving.kafka.asynchronous
import stream.kafka.producer
import stream.processing.apply
import stream.processing.variants
import stream.wiring
from serving.ranking.ranker import Ranking
from serving.state.user_state import UserState
from stream.events.decoder import CommandEvent, Decoder, Event
from stream.events.records import Record, Reroute

EXIT_CODE = 42


class Planted(Exception):
    """No error of ours, and of no library that anybody knows."""


def planted(stage: str, number: int) -> str:
    """A user over whose events a stage fails."""
    return f"planted-{stage}-{number}"


def blow(stage: str, *content: object) -> None:
    """Raise if the stage is to fail over this, as text or bytes."""
    for each in content:
        if f"planted-{stage}-" in (each.decode("latin-1") if isinstance(each, bytes) else str(each)):
            raise Planted(f"the bug of {stage}")


class _Decoder(Decoder):
    def decode(self, record: Record) -> Event | CommandEvent | Reroute:
        """See `Decoder.decode`."""
        blow("decode", record.value)
        return super().decode(record)


def _in_decode() -> None:
    stream.wiring.Decoder = _Decoder  # type: ignore[attr-defined]


def _in_fold() -> None:
    fold = stream.processing.apply.fold  # type: ignore[attr-defined]

    def faulty(state: UserState, event: Event, *more: Any) -> Any:
        outcome = fold(state, event, *more)  # what it did to the state must not stay
        blow("fold", event.user_id)
        return outcome

    stream.processing.apply.fold = faulty  # type: ignore[assignment, attr-defined]


def _in_answer() -> None:
    rank = stream.processing.variants.LiveRanker.rank

    def faulty(self: Any, users: Sequence[str], states: Sequence[UserState]) -> Sequence[Ranking]:
        blow("answer", *users)
        return rank(self, users, states)

    stream.processing.variants.LiveRanker.rank = faulty  # type: ignore[method-assign]


def _in_send() -> None:
    send = stream.kafka.producer.AIOKafkaProducer.send  # type: ignore[attr-defined]

    async def faulty(self: Any, topic: str, value: bytes | None = None, key: bytes | None = None, **more: Any) -> Any:
        if not topic.endswith(".dlq"):
            blow("send", key)
        return await send(self, topic, value=value, key=key, **more)

    stream.kafka.producer.AIOKafkaProducer.send = faulty  # type: ignore[attr-defined]


def _in_fetch() -> None:
    """In the client's parser, and in our own that reads again what that could not."""
    parse = serving.kafka.asynchronous.parsed_by_aiokafka
    read = penchant.kafka.batch_records.RecordReader._read

    def faulty_parse(data: bytes, magic: int) -> Any:
        blow("fetch", data)
        return parse(data, magic)

    def faulty_read(self: Any, data: bytes, at: int, end: int) -> None:
        read(self, data, at, end)
        blow("fetch", data[at:end])

    serving.kafka.asynchronous.parsed_by_aiokafka = faulty_parse
    penchant.kafka.batch_records.RecordReader._read = faulty_read  # type: ignore[method-assign]


def _exit() -> None:
    fold = stream.processing.apply.fold  # type: ignore[attr-defined]

    def faulty(state: UserState, event: Event, *more: Any) -> Any:
        if "planted-exit-" in event.user_id:
            os._exit(EXIT_CODE)
        return fold(state, event, *more)

    stream.processing.apply.fold = faulty  # type: ignore[assignment, attr-defined]


PLANT: Mapping[str, Callable[[], None]] = {
    "decode": _in_decode,
    "fold": _in_fold,
    "answer": _in_answer,
    "send": _in_send,
    "fetch": _in_fetch,
    "exit": _exit,
}


def plant() -> None:
    """Put the bugs of the environment in their places, before a worker is made."""
    for stage in filter(None, os.environ.get("FAULT_RAISE", "").split(",")):
        PLANT[stage]()
