"""A user's state as one more event would leave it: applied by the worker's own handlers, and stored nowhere."""

import json
from collections.abc import Mapping

import msgspec

from penchant.messages import Review
from penchant.topics import Topics
from serving.state.user_state import UserState, Vector
from stream.events.decoder import CommandEvent, Decoder, Event
from stream.events.encoder_input import EncoderInput
from stream.events.records import Record
from stream.processing.apply import apply
from stream.processing.batch import Context, Limits, PartitionBatch, Trigger, VectorOf, WorkItem
from stream.store.base import Lease

__all__ = ()

_COMMAND = "what-if"


class EventGone(Exception):
    """The event is not known of the user, or too far back for its part to be known. `reason`: a word for programs."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


class WhatIf:
    """Takes states, and changes them in place. decoder: of one partition. items: an item's vector."""

    def __init__(self, topics: Topics, decoder: Decoder, items: VectorOf, limits: Limits, fingerprint: str) -> None:
        self._topics = topics
        self._decoder = decoder
        self._items = items
        self._limits = limits
        self._fingerprint = fingerprint

    def statement(self, said: Review, now_ms: int) -> Event:
        """A statement as a worker would read it. Raises Rejected if it would not."""
        event = self._read(self._topics.reviews, said.user_id, msgspec.json.encode(said), now_ms)
        if not isinstance(event, Event):
            raise TypeError("this is a bug: a review is an event")
        return event

    def after(self, state: UserState, event: Event, texts: Mapping[EncoderInput, Vector]) -> UserState:
        """The state right after an event. texts: what the encoder made of it."""
        return self._applied(state, event, texts)[0]

    def without(self, state: UserState, user_id: str, event_id: str, now_ms: int) -> UserState:
        """The state right after a retraction of an event. Raises EventGone if that could not be carried out."""
        command = {"type": "retract", "user_id": user_id, "event_id": event_id, "command_id": _COMMAND}
        event = self._read(self._topics.commands, user_id, json.dumps(command).encode(), now_ms)
        after, batch = self._applied(state, event, {})
        if batch.dead:
            raise EventGone(batch.dead[0].reason.value, batch.dead[0].message)
        if any(waits.command_id == _COMMAND for waits in after.retractions):
            raise EventGone("unknown_event", f"no event {event_id!r} of this user is known")
        return after

    def _read(self, topic: str, user_id: str, value: bytes, now_ms: int) -> Event | CommandEvent:
        event = self._decoder.decode(Record(topic, 0, 0, now_ms, user_id.encode(), value))
        if isinstance(event, Event | CommandEvent):
            return event
        raise TypeError("this is a bug: there is one partition")

    def _applied(
        self, state: UserState, event: Event | CommandEvent, texts: Mapping[EncoderInput, Vector]
    ) -> tuple[UserState, PartitionBatch]:
        work = WorkItem(event.user_id, event.event_id, Trigger.FRESH, event)
        batch = PartitionBatch(0, [event.record], [work])
        now_ms = event.record.timestamp_ms
        context = Context(self._items, texts, lambda _: event, self._limits, now_ms, self._fingerprint)
        batch.start(Lease(), {event.user_id: state}, context)
        apply(batch)
        return batch.updates[event.user_id].state, batch
