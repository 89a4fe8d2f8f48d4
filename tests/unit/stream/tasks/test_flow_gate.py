"""User topics flow once all is followed, and the encoder is warm."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any, cast

from stream.tasks.flow_gate import FlowGate


async def test_the_gate_opens_when_all_is_known_and_the_encoder_is_warm() -> None:
    followers = [SimpleNamespace(caught_up=asyncio.Event()) for _ in range(2)]
    done: list[str] = []

    async def warm_up() -> None:
        assert not gate.open
        done.append("warm")

    gate = FlowGate(cast("Any", followers), warm_up, lambda: done.append("flows"))
    running = asyncio.create_task(gate.run())
    followers[0].caught_up.set()
    await asyncio.sleep(0)
    assert (gate.caught_up, gate.open, done) == (False, False, [])

    followers[1].caught_up.set()
    await running
    set_aside = gc.get_freeze_count()
    gc.unfreeze()

    assert (gate.caught_up, gate.open, done) == (True, True, ["warm", "flows"])
    assert set_aside > 0
