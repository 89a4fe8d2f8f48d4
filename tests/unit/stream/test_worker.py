"""A worker's life: what starts stops again, in the reverse order, whatever comes in between."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from penchant.errors import Misconfigured, Stuck, Unavailable
from stream.group_assignment import GroupAssignment
from stream.handlers import RecordHandlers
from stream.worker import Loop, Resource, Worker


class FakeAssignment:
    """Notes that it was given back; `away` raises what a store does that is away."""

    def __init__(self, told: list[str], *, assigned: bool, away: bool = False) -> None:
        self.assigned = assigned
        self._told = told
        self._away = away

    async def give_back(self) -> None:
        self._told.append("give back")
        if self._away:
            raise Unavailable("Redis is away")


def noting(told: list[str], word: str, error: Exception | None = None) -> Callable[[], Awaitable[None]]:
    async def note() -> None:
        told.append(word)
        if error is not None:
            raise error

    return note


def made(
    told: list[str], resources: list[Resource], *loops: Loop, assigned: bool = False, away: bool = False
) -> Worker:
    async def crash(error: BaseException) -> None:
        told.append(f"crash {error}")

    assignment = cast("GroupAssignment", FakeAssignment(told, assigned=assigned, away=away))
    return Worker(resources, loops, assignment, cast("RecordHandlers", None), crash)


def two(told: list[str], second: Exception | None = None) -> list[Resource]:
    return [
        Resource(noting(told, "-store"), noting(told, "store")),
        Resource(noting(told, "-log"), noting(told, "log", second)),
        Resource(noting(told, "-rest")),
    ]


async def test_what_starts_stops_in_the_reverse_order() -> None:
    told: list[str] = []
    worker = made(told, two(told))

    await worker.start()
    await worker.stop()

    assert told == ["store", "log", "-rest", "-log", "-store"]


async def test_what_does_not_start_hangs_up_and_what_comes_later_was_never_there() -> None:
    told: list[str] = []
    worker = made(told, two(told, Misconfigured("no broker")))

    with pytest.raises(Misconfigured):
        await worker.start()
    await worker.stop()

    assert told == ["store", "log", "-log", "-store"]


async def test_a_loop_that_raises_crashes_the_worker_and_the_others_are_ended() -> None:
    told: list[str] = []

    async def stuck() -> None:
        raise Stuck("nothing moves")

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.append("ended")

    worker = made(told, [], stuck, for_ever)
    await worker.start()
    await asyncio.sleep(0.01)
    assert told == ["crash nothing moves"]
    await worker.stop()

    assert told == ["crash nothing moves", "ended"]


@pytest.mark.parametrize("away", [False, True])
async def test_partitions_are_given_back_before_the_store_hangs_up(away: bool) -> None:
    told: list[str] = []
    worker = made(told, [Resource(noting(told, "-store"))], assigned=True, away=away)

    await worker.start()
    await worker.stop()

    assert told == ["give back", "-store"]
