"""A clock that is far from the store's is known for what it is, at once and without asking again."""

import pytest

from stream.monitoring.clock import FAR_MS, Clock

NOW_MS = 1_790_000_000_000


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, to be set."""
    at = [1000.0]
    monkeypatch.setattr("stream.monitoring.clock.time.monotonic", lambda: at[0])
    return at


async def store_now_ms() -> int:
    return NOW_MS


async def test_a_clock_that_steps_is_seen_at_once(seconds: list[float]) -> None:
    mine = [NOW_MS + 2]
    clock = Clock(lambda: mine[0])
    assert (clock.skew_ms, clock.healthy) == (0, True), "nothing is known yet"
    await clock.compare(store_now_ms)
    assert (clock.skew_ms, clock.healthy) == (2, True)

    seconds[0] += 3600
    mine[0] += 3_600_000
    assert (clock.skew_ms, clock.healthy) == (2, True), "an hour later on both"

    mine[0] += 25 * 3_600_000
    assert not clock.healthy
    assert clock.skew_ms == 25 * 3_600_000 + 2
    assert "2026-09-21T15:13:20Z, 25.0 h apart" in clock.words()

    mine[0] -= 50 * 3_600_000
    assert not clock.healthy


@pytest.mark.parametrize(
    ("apart_ms", "healthy"), [(FAR_MS, True), (-FAR_MS, True), (FAR_MS + 1, False), (-400_000, False)]
)
async def test_the_bound_holds_both_ways(seconds: list[float], apart_ms: int, healthy: bool) -> None:
    clock = Clock(lambda: NOW_MS + apart_ms)
    await clock.compare(store_now_ms)
    assert clock.healthy is healthy


async def test_what_is_ahead_of_both_clocks_is_ahead_of_the_time(seconds: list[float]) -> None:
    """A worker whose clock is a day slow goes by the store's, one that is fast by its own."""
    mine = [NOW_MS - 86_400_000]
    clock = Clock(lambda: mine[0])
    assert clock.latest_ms() == mine[0], "nothing is known yet"
    await clock.compare(store_now_ms)
    seconds[0] += 2
    assert clock.latest_ms() == NOW_MS + 2_000
    mine[0] = NOW_MS + 5_000
    assert clock.latest_ms() == NOW_MS + 5_000
