"""Dependencies that go away are waited for; all else is raised at once."""

import asyncio

import pytest

from penchant.errors import Refused, Unavailable
from stream import retry
from stream.retry import Retries


class Flaky:
    """Fails with each of `errors` in turn, then answers 42."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return 42


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_S", 0.002)


async def test_a_transient_error_is_waited_out() -> None:
    call = Flaky(ConnectionError("gone"), TimeoutError("slow"))
    assert await Retries().persist(call, (ConnectionError, TimeoutError), "Redis") == 42
    assert call.calls == 3


async def test_another_error_is_raised_at_once() -> None:
    call = Flaky(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await Retries().persist(call, (ConnectionError,), "Redis")
    assert call.calls == 1


async def test_after_its_time_it_says_who_is_away_and_why() -> None:
    cause = ConnectionError("connection refused")
    call = Flaky(*[cause] * 1000)
    with pytest.raises(Unavailable, match=r"Redis has been away .*connection refused") as given_up:
        await Retries().persist(call, (ConnectionError,), "Redis", give_up_after_s=0.2)
    assert given_up.value.__cause__ is cause
    assert given_up.value.exit_code == 75
    assert 2 <= call.calls < 1000


async def test_a_success_ends_the_count(caplog: pytest.LogCaptureFixture) -> None:
    """Two short absences are not one long one: each call to `persist` has its own minute."""
    for _ in range(3):
        assert await Retries().persist(Flaky(OSError("x")), (OSError,), "the broker", give_up_after_s=0.5) == 42
    assert caplog.text.count("the broker does not answer (x)") == 3


async def test_what_passes_is_told_once_and_known_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    """Given calls beside each other that are refused for one reason, then one line says so, and readiness can tell."""
    full, retries = Refused("Redis is full: raise maxmemory"), Retries()
    seen: set[str | None] = set()

    async def refused() -> int:
        seen.add(retries.waited_for)
        return await flaky()

    flaky = Flaky(*[full] * 20)
    await asyncio.gather(*(retries.persist(refused, (Refused,), "Redis") for _ in range(3)))
    assert str(full) in seen
    assert retries.waited_for is None
    assert caplog.text.count("Redis is full") == 1


async def test_given_up_keeps_what_it_is() -> None:
    retries = Retries()
    with pytest.raises(Refused, match=r"^Redis is full$"):
        await retries.persist(Flaky(Refused("Redis is full")), (Refused,), "Redis", give_up_after_s=0.0)
    assert not retries.busy
