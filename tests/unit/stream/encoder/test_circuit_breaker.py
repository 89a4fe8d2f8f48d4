"""After a failure nothing is tried for a while, longer each time."""

from stream.encoder.circuit_breaker import CircuitBreaker


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_closed_until_something_fails() -> None:
    breaker = CircuitBreaker(FakeClock())
    assert (breaker.closed, breaker.remaining_s) == (True, 0)
    breaker.worked()
    assert (breaker.closed, breaker.remaining_s) == (True, 0)


def test_pauses_double_up_to_a_minute_and_begin_anew_once_it_worked() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock)
    pauses = []
    for _ in range(8):
        breaker.failed()
        pauses.append(breaker.remaining_s)
        clock.now += breaker.remaining_s
        assert (breaker.closed, breaker.remaining_s) == (False, 0), "a trial is due"
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    breaker.worked()
    assert breaker.closed
    breaker.failed()
    assert breaker.remaining_s == 1


def test_what_remains_of_a_pause_goes_down() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock)
    breaker.failed()
    clock.now += 0.75
    assert (breaker.closed, breaker.remaining_s) == (False, 0.25)
    clock.now += 100
    assert (breaker.closed, breaker.remaining_s) == (False, 0)
