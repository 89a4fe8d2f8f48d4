"""Pairs for the item statistics as they stand on `covisits.v1`: read whole, or refused whole.

Only workers write there, but whoever may produce to the topic can. A pair that is no number, or a history that cannot
be unpacked, would be taken in halfway, and stay in sums that are never made again.
"""

import base64
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from penchant.messages import CoVisits, Pair
from serving.state.history import PACKED_BYTES
from serving.state.user_state import RING

MOST_WEIGHT = 1000.0  # as in a weights file
_MOST_ID = 256
_MOST_OFFSET = 2**63 - 1
_MOST_GAP_S = 2**33


def read_pairs(value: bytes) -> CoVisits:
    """The message.

    Raises ValueError if it is none, or one of its pairs cannot be.
    """
    try:
        message = msgspec.json.decode(value, type=CoVisits)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not 0 <= message.partition < 2**31:
        raise ValueError(f"there is no partition {message.partition}")
    for pair in message.events:
        _check(pair)
    return message


def _check(pair: Pair) -> None:
    if not 0 <= pair.offset <= _MOST_OFFSET or not 0 < len(pair.item_id) <= _MOST_ID:
        raise ValueError(f"no event has the offset {pair.offset} and an item id of {len(pair.item_id)} characters")
    if not 0 <= pair.pair <= MOST_WEIGHT or any(not 0 <= weight <= MOST_WEIGHT for _, weight in pair.ring):
        raise ValueError(f"at offset {pair.offset}: a weight is not between 0 and {MOST_WEIGHT:g}")
    if len(pair.ring) > RING or any(not 0 < len(item_id) <= _MOST_ID for item_id, _ in pair.ring):
        raise ValueError(f"at offset {pair.offset}: no ring has {len(pair.ring)} places, or such an item")
    if len(pair.gaps_s) not in {0, len(pair.ring)} or any(not 0 <= gap <= _MOST_GAP_S for gap in pair.gaps_s):
        raise ValueError(f"at offset {pair.offset}: the gaps do not fit the ring")
    if pair.earlier and len(base64.b64decode(pair.earlier, validate=True)) % PACKED_BYTES:
        raise ValueError(f"at offset {pair.offset}: what was touched before cannot be unpacked")


def readable(values: Iterable[bytes | None]) -> Iterator[CoVisits]:
    """Those of some messages that can be read; the others are left out, as every follower does."""
    for value in values:
        with suppress(ValueError):
            if value is not None:
                yield read_pairs(value)
