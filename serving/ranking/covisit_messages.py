"""Messages of `covisits.v1`, for the item statistics: read whole, or refused whole.

Only workers write there, but whoever may produce to the topic can. An event with a weight that is no number, or a
history that cannot be unpacked, would be taken in halfway, and stay in sums that are never made again.
"""

import base64
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from penchant.messages import CoVisitEvent, CoVisits
from serving.state.history import PACKED_BYTES
from serving.state.purchases import PACKED_PURCHASE_BYTES
from serving.state.user_state import RING

_MOST_WEIGHT = 1000.0  # as in a weights file
_MOST_ID = 256
_MOST_OFFSET = 2**63 - 1
_MOST_GAP_S = 2**33
_MOST_TIME_MS = 2**53
_MOST_NTH = 1_000


def read_covisits(value: bytes) -> CoVisits:
    """The message.

    Raises ValueError if it is none, or one of its events cannot be.
    """
    try:
        message = msgspec.json.decode(value, type=CoVisits)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not 0 <= message.partition < 2**31:
        raise ValueError(f"there is no partition {message.partition}")
    for event in message.events:
        _check(event)
    return message


def _check(event: CoVisitEvent) -> None:
    if not 0 <= event.offset <= _MOST_OFFSET or not 0 < len(event.item_id) <= _MOST_ID:
        raise ValueError(f"no event has the offset {event.offset} and an item id of {len(event.item_id)} characters")
    if not 0 <= event.covisit <= _MOST_WEIGHT or not 0 <= event.own <= _MOST_WEIGHT:
        raise ValueError(f"at offset {event.offset}: a weight is not between 0 and {_MOST_WEIGHT:g}")
    _check_ring(event)
    if event.older_items and len(base64.b64decode(event.older_items, validate=True)) % PACKED_BYTES:
        raise ValueError(f"at offset {event.offset}: the older items cannot be unpacked")
    if abs(event.time_ms) > _MOST_TIME_MS:
        raise ValueError(f"at offset {event.offset}: {event.time_ms} is no time in milliseconds")
    if not 1 <= event.nth <= _MOST_NTH:
        raise ValueError(f"at offset {event.offset}: nobody's event of a day is number {event.nth}")
    if event.purchase is not None and any(not 0 <= gap <= _MOST_GAP_S for gap in event.purchase):
        raise ValueError(f"at offset {event.offset}: {event.purchase} are no seconds between purchases")
    if event.bought_before and len(base64.b64decode(event.bought_before, validate=True)) % PACKED_PURCHASE_BYTES:
        raise ValueError(f"at offset {event.offset}: what was bought before cannot be unpacked")


def _check_ring(event: CoVisitEvent) -> None:
    if len(event.ring) > RING:
        raise ValueError(f"at offset {event.offset}: no ring has {len(event.ring)} places")
    for item_id, weight in event.ring:
        if not 0 <= weight <= _MOST_WEIGHT or not 0 < len(item_id) <= _MOST_ID:
            raise ValueError(f"at offset {event.offset}: no ring has an item of {len(item_id)} characters at {weight}")
    if event.gaps_s and (
        len(event.gaps_s) != len(event.ring) or min(event.gaps_s) < 0 or max(event.gaps_s) > _MOST_GAP_S
    ):
        raise ValueError(f"at offset {event.offset}: the gaps do not fit the ring")


def readable(values: Iterable[bytes | None]) -> Iterator[CoVisits]:
    """Those of some messages that can be read; the others are left out, as every follower does."""
    for value in values:
        with suppress(ValueError):
            if value is not None:
                yield read_covisits(value)
