"""Every error that Penchant raises on purpose, and what happens then.

    PenchantError
    ├── Rejected          reject   bad input: to the dead letters under `reason`, the stream goes on
    ├── Unavailable       retry    dependencies gone (Redis, broker): retried in place, then exit 75
    │   ├── Refused                they answer, but cannot do it now (Redis is full, loading, a replica)
    │   └── BufferFull             a producer has as much unconfirmed as it may keep
    └── Fatal             stop     nothing that waiting would help
        ├── Misconfigured          settings wrong or a service missing at start: exit 78
        │   ├── BrokenArtifact     a model folder that cannot be trusted
        │   ├── ProviderMissing    the execution provider asked for is not to be had
        │   ├── FingerprintMismatch  vectors of two model folders would be compared
        │   ├── BadFile            a file that is not what the command reads: exit 65
        │   └── BelowGate          an exported scheme loses more than the parity gate allows
        ├── BrokenState            a stored record that does not decode
        │   └── NewerState         one that a newer Penchant wrote
        ├── Stuck                  lag grows and nothing is processed: exit 70
        └── Broken                 a fault of ours that hits every record: exit 70

A message says what was wrong and what to do.
"""

from enum import Enum
from typing import ClassVar


class Action(Enum):
    """What the one who catches an error does with it."""

    REJECT = "reject"
    RETRY = "retry"
    STOP = "stop"


class RejectReason(Enum):
    """Why an event went to the dead letters: the closed list behind the header `penchant.error`."""

    NOT_JSON = "not_json"
    SCHEMA = "schema"
    MISSING_FIELD = "missing_field"
    BAD_TIME = "bad_time"
    BAD_RATING = "bad_rating"
    BAD_ID = "bad_id"
    TOO_LARGE = "too_large"
    KEY_MISMATCH = "key_mismatch"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_ITEM = "unknown_item"
    ID_REUSED = "id_reused"
    WRONG_PARTITION = "wrong_partition"
    RETRACT_UNKNOWN = "retract_unknown"
    RETRACT_TOO_LATE = "retract_too_late"
    MERGE_CYCLE = "merge_cycle"
    UNSIGNED = "unsigned"  # a command, where commands need the signature of a key that is known
    ENCODER_TIMEOUT = "encoder_timeout"
    UNREADABLE = "unreadable"  # a record or batch that the log's own format does not explain
    INTERNAL = "internal"  # a fault of ours: it names the exception and its place
    QUARANTINED = "quarantined"  # two processes ended over it


class PenchantError(Exception):
    """The root. `action` says what the catcher does, `exit_code` how a process that stops for it exits."""

    action: ClassVar[Action] = Action.STOP
    exit_code: ClassVar[int] = 1


class Rejected(PenchantError):
    """Bad input. It is data: it goes to the dead letters with its bytes, and the stream goes on."""

    action = Action.REJECT

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(PenchantError):
    """Redis or the broker cannot be reached. Retried in place with back-off, then the process stops."""

    action = Action.RETRY
    exit_code = 75


class Refused(Unavailable):
    """They answer that they cannot do it now, which passes: the message says why, and what to do if it stays so."""


class BufferFull(Unavailable):
    """A producer has as much unconfirmed as it may keep: wait for what was sent, or send less."""


class Fatal(PenchantError):
    """Waiting does not help: the process says why and stops."""


class Misconfigured(Fatal):
    """Settings are wrong, or a service, a topic or a model that was asked for is missing at start."""

    exit_code = 78


class BrokenArtifact(Misconfigured):
    """A model folder that is incomplete, altered, of a newer format, or not one at all."""


class ProviderMissing(Misconfigured):
    """The execution provider that was asked for is not to be had, or cannot run the folder's scheme."""


class FingerprintMismatch(Misconfigured):
    """Vectors made by two model folders would be compared with each other."""


class BadFile(Misconfigured):
    """A file that was to be read is something else, or damaged."""

    exit_code = 65


class BelowGate(Misconfigured):
    """An exported scheme loses more of the ranking than the parity gate allows."""

    exit_code = 3


class BrokenState(Fatal):
    """A stored record that does not decode: wrong checksum, unknown version, or cut short."""


class NewerState(BrokenState):
    """A stored record of a version that this build does not know."""


class Stuck(Fatal):
    """Lag grows while nothing is processed."""

    exit_code = 70


class Broken(Fatal):
    """A fault of ours that no record is to blame for."""

    exit_code = 70
