"""A worker with an odd clock, or whose loop hangs while a file is there: `python -m tests.support.misbehaving_worker`.

ODD_HANG   the loop hangs once the file of this name is there, and takes it away
ODD_CLOCK  the wall clock goes wrong by the milliseconds in the file of this name, while it is there
"""

import os
import time
from pathlib import Path

import stream.wiring
from stream.kafka.assignment import Partitions

NOWHERE = "/nonexistent"


class HangingPartitions(Partitions):
    """Looked after by the worker once a second, within its loop."""

    async def look(self) -> None:
        """See `Partitions.look`."""
        hang_if_told()
        await super().look()


def hang_if_told() -> None:
    """For ever, as a mistake would."""
    file = Path(os.environ.get("ODD_HANG", NOWHERE))
    if file.exists():
        file.unlink()
        while True:
            time.sleep(0.05)


def odd_now_ms() -> int:
    """The wall clock, as the file has it."""
    now_ms = time.time_ns() // 1_000_000
    try:
        return now_ms + int(Path(os.environ.get("ODD_CLOCK", NOWHERE)).read_text("ascii"))
    except (OSError, ValueError):
        return now_ms


if __name__ == "__main__":
    from stream.__main__ import leave, main

    stream.wiring.Partitions = HangingPartitions  # type: ignore[attr-defined]
    stream.startup_checks.now_ms = odd_now_ms
    stream.wiring.now_ms = odd_now_ms  # type: ignore[attr-defined]
    leave(main())
