"""A worker is ready when it takes events in, and says what it waits for until then."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from penchant.errors import Refused
from serving.catalogue import Catalogue
from stream.monitoring.readiness import Readiness
from stream.retry import Retries
from stream.store.pending_index import PendingIndex
from stream.testing import FINGERPRINT


def readiness(retries: Retries | None = None, *, steps: int = 3, healthy: bool = True, owned: int = 2) -> Readiness:
    """One that has taken so many of three steps: all followed, the encoder warm, partitions assigned."""
    return Readiness(
        retries=retries or Retries(),
        catalogue=Catalogue(8, FINGERPRINT),
        waiting=PendingIndex(),
        encoding=cast("Any", SimpleNamespace(healthy=healthy)),
        caught_up=lambda: steps > 0,
        opened=lambda: steps > 1,
        owned=lambda: owned if steps > 2 else None,
    )


@pytest.mark.parametrize(
    ("steps", "why"),
    [(0, "still being followed"), (1, "the encoder is warming up"), (2, "has not assigned")],
)
def test_until_then_it_says_what_it_waits_for(steps: int, why: str) -> None:
    found = readiness(steps=steps).check()

    assert not found.ok
    assert why in found.why


@pytest.mark.parametrize(("healthy", "why"), [(True, "events are taken in"), (False, "degraded: the encoder is out")])
def test_then_it_is_ready_with_an_encoder_or_without(healthy: bool, why: str) -> None:
    found = readiness(healthy=healthy).check()

    assert found.ok
    assert found.why.startswith(why)
    assert found.facts == {"items_embedded": 0, "users_with_missed_texts": 0}


def test_a_worker_that_is_one_too_many_is_ready_to_take_over() -> None:
    found = readiness(owned=0).check()

    assert found.ok
    assert found.why.startswith("spare: ")


async def test_a_store_that_refuses_is_what_it_waits_for() -> None:
    retries, seen = Retries(), list[str]()

    async def refused() -> int:
        if not seen:
            seen.append("once")
            raise Refused("Redis is full")
        seen.append(readiness(retries).check().why)
        return 1

    await retries.persist(refused, (Refused,), "Redis")

    assert seen[-1] == "waiting: Redis is full"
    assert readiness(retries).check().ok
