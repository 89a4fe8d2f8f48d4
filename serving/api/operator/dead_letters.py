"""Dead letters as operators see them here, and the seam to who can read them: the command line's part."""

from typing import Protocol

import msgspec

__all__ = ["DeadLetterBox", "Letter", "LetterCount", "Letters", "RedriveRequest", "RedriveResult"]


class LetterCount(msgspec.Struct):
    """redriven: how many of the letters were sent back. first, last: when the first and the last one became one."""

    topic: str
    reason: str
    letters: int
    redriven: int
    first: str
    last: str


class Letter(msgspec.Struct):
    """One of them, as text; what is long is cut."""

    topic: str
    partition: int | None
    offset: int | None
    reason: str
    message: str
    time: str
    attempts: int
    redriven: bool
    key: str | None
    value: str | None


class Letters(msgspec.Struct):
    """letters: counted by topic and reason. newest: some, newest first. erasures: not carried out nor sent back."""

    letters: list[LetterCount]
    newest: list[Letter]
    erasures: int


class RedriveRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which dead letters are to be sent back: of a topic (its full name), for a reason; without them: all."""

    topic: str | None = None
    reason: str | None = None


class RedriveResult(msgspec.Struct):
    """total: how many were sent back. left: how many cannot be."""

    total: int
    left: int


class DeadLetterBox(Protocol):
    """Blocks; raises Unavailable, and Misconfigured for topics that are missing. deploy/dlq/box.py has it."""

    def look(self) -> Letters:
        """All that there are now."""

    def redrive(self, wanted: RedriveRequest) -> RedriveResult:
        """Send back what is wanted and was not sent back before. Raises ValueError if it names what there is not."""
