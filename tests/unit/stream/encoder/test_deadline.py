"""The encoder under its budget: slow, hung, failing, and what of it reaches the caller."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from serving.model.tokens import BUDGET
from stream.encoder.circuit_breaker import CircuitBreaker
from stream.encoder.deadline import Budget, DeadlineEncoder, Failure
from stream.monitoring.metrics import Metrics
from tests.support.colours import Colours, Troubled, colours

RED, GREEN = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
LONG_S = 30.0  # a budget that no test uses up


class Bench:
    """An encoding with an engine that does as it is told, a clock for its breaker, and what failed."""

    def __init__(self) -> None:
        self.engine = Troubled()
        self.encoder = colours(self.engine)
        self.now = 0.0
        self.failures: list[Failure] = []
        self.gates: list[threading.Event] = []
        self.encoding = self.under(Budget(LONG_S, 2 * LONG_S, LONG_S))

    def under(self, budget: Budget) -> DeadlineEncoder:
        self.encoding = DeadlineEncoder(self.encoder, budget, CircuitBreaker(lambda: self.now), self.failures.append)
        return self.encoding

    def hang(self) -> None:
        """Whatever runs from now on does not return until it is let go."""
        self.engine.free = threading.Event()
        self.gates.append(self.engine.free)

    def heal(self) -> None:
        """Whatever runs from now on returns, and in time; what hangs does not."""
        self._never_late()
        self.engine.broken = None
        self.engine.free = threading.Event()
        self.engine.free.set()

    def let_go(self) -> None:
        """What hangs returns."""
        self._never_late()
        for gate in self.gates:
            gate.set()

    def _never_late(self) -> None:
        """A machine that is busy may not take the short budget of a test for its own."""
        self.encoding._budget = Budget(LONG_S, 2 * LONG_S, LONG_S)


async def test_each_batch_that_ran_is_in_the_metrics() -> None:
    """Given texts of three and of five tokens and one that is known, then one batch with 8 of 10 places taken."""
    metrics = Metrics()
    encoder = colours(Colours())
    encoder.embed(["red"], "query")
    encoding = DeadlineEncoder(encoder, on_batch=metrics.encoder_ran)

    await encoding.queries(["red", "red blue", "red green blue red"])
    encoding.close()

    told = metrics.exposition().decode()
    assert "penchant_encoder_batch_seconds_count 1.0" in told
    assert "penchant_encoder_batch_occupancy_sum 0.8" in told


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.encoding.close()
    made.let_go()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - threads that set no asyncio.Event are what is waited for
            await asyncio.sleep(0.005)


async def read(bench: Bench, *texts: str) -> dict[str, list[float]]:
    return {text: row.tolist() for text, row in (await bench.encoding.queries(texts)).items()}


async def test_texts_are_read_and_slices_are_the_encoder_s_own_batches(bench: Bench) -> None:
    assert await read(bench, "red", "green") == {"red": RED, "green": GREEN}
    assert await read(bench) == {}
    many = {f"{'red ' * (n % 7)}{'green ' * n}blue {n}": n for n in range(400)}
    made = await bench.encoding.queries(list(many))
    assert made.keys() == many.keys()
    together = bench.encoder.embed(list(many), "query")
    assert (np.stack([made[text] for text in many]) == together).all()
    assert max(rows * columns for rows, columns in bench.engine.shapes) <= BUDGET
    assert (bench.encoding.healthy, bench.failures) == (True, [])


async def test_items_are_passages(bench: Bench) -> None:
    assert (await bench.encoding.passages(["green"]))["green"].tolist() == pytest.approx(
        [-(0.5**0.5), 0.5**0.5, 0], abs=1e-3
    )


async def test_a_late_slice_is_missed_and_its_vectors_are_there_when_it_comes(bench: Bench) -> None:
    bench.under(Budget(0.05, LONG_S))
    bench.hang()
    assert await read(bench, "red", "green") == {}
    assert bench.failures == [Failure.LATE]
    assert (bench.encoding.healthy, bench.encoding.may_be_asked) == (False, False)
    assert await read(bench, "blue") == {}
    assert len(bench.engine.shapes) == 1, "while it is late it is not asked, and nobody waits"
    bench.let_go()
    await until(lambda: bench.encoding.healthy)
    assert await read(bench, "red", "green") == {"red": RED, "green": GREEN}
    assert len(bench.engine.shapes) == 1, "from the encoder's cache"


async def test_who_stands_in_line_behind_a_late_slice_does_not_wait_for_it(bench: Bench) -> None:
    bench.under(Budget(0.05, LONG_S))
    bench.hang()
    assert list(await asyncio.gather(*(read(bench, text) for text in ("red", "green", "blue")))) == [{}, {}, {}]
    assert (len(bench.engine.shapes), bench.failures) == (1, [Failure.LATE])


async def test_a_hung_slice_is_abandoned_and_another_thread_tried_after_a_pause(bench: Bench) -> None:
    bench.under(Budget(0.05, 0.1))
    bench.hang()
    assert await read(bench, "red") == {}
    await until(lambda: bench.failures == [Failure.LATE, Failure.HUNG])
    bench.heal()
    assert await read(bench, "green") == {}, "the breaker is open"
    bench.now += 1
    assert await read(bench, "green") == {"green": GREEN}
    assert bench.encoding.healthy
    bench.let_go()
    await until(lambda: len(bench.engine.shapes) == 2)
    assert bench.failures == [Failure.LATE, Failure.HUNG], "what comes back from the abandoned thread is nobody's"


async def test_an_encoder_that_hangs_for_good_does_not_fill_the_process_with_threads(bench: Bench) -> None:
    bench.under(Budget(0.02, 0.04))
    bench.hang()
    for round_ in range(1, 5):
        assert await read(bench, "red") == {}
        await until(lambda count=round_: bench.failures.count(Failure.HUNG) == count)  # type: ignore[misc]
        bench.now += 100
    bench.heal()
    assert not bench.encoding.may_be_asked
    assert await read(bench, "green") == {}
    bench.let_go()
    await until(lambda: bench.encoding.may_be_asked)
    await until(lambda: len(bench.engine.shapes) == 4)


async def test_an_encoder_that_raises_is_left_alone_longer_each_time(bench: Bench) -> None:
    bench.engine.broken = RuntimeError("CUDA error: an illegal memory access was encountered")
    assert await read(bench, "red", "green") == {}
    assert (bench.failures, bench.encoding.healthy) == ([Failure.RAISED], False)
    asked = len(bench.engine.shapes)
    assert asked == 2, "the slice, and a text of its own"
    for pause in (1, 2, 4):
        bench.now += pause - 0.01
        assert await read(bench, "red") == {}
        assert len(bench.engine.shapes) == asked
        bench.now += 0.01
        assert await read(bench, "red") == {}
        assert len(bench.engine.shapes) == asked + 2
        asked = len(bench.engine.shapes)
    bench.heal()
    bench.now += 8
    assert await read(bench, "red", "green") == {"red": RED, "green": GREEN}
    assert (bench.encoding.healthy, len(bench.failures)) == (True, 4)


async def test_one_text_that_cannot_be_read_takes_no_other_down(bench: Bench) -> None:
    bench.engine.poison = {"blue"}
    texts = {f"red {'green ' * n}": n for n in range(20)}
    made = await bench.encoding.queries([*texts, "blue"])
    assert made.keys() == texts.keys()
    assert (bench.encoding.healthy, bench.failures) == (True, [])
    assert await read(bench, "blue") == {}
    assert (bench.encoding.healthy, bench.failures) == (True, []), "the encoder is not to blame"


async def test_a_slice_that_fails_late_opens_the_breaker(bench: Bench) -> None:
    bench.under(Budget(0.05, LONG_S))
    bench.hang()
    bench.engine.broken = MemoryError()
    assert await read(bench, "red") == {}
    bench.let_go()
    await until(lambda: bench.failures == [Failure.LATE, Failure.RAISED])
    assert not bench.encoding.may_be_asked


async def test_an_interruption_is_not_taken_for_a_failure(bench: Bench) -> None:
    class Interruption(BaseException):
        """As KeyboardInterrupt, which would end the tests."""

    bench.engine.broken = Interruption()
    with pytest.raises(Interruption):
        await read(bench, "red")
    assert bench.failures == []


async def test_items_wait_until_the_encoder_answers_again(bench: Bench) -> None:
    bench.engine.broken = RuntimeError("no memory")
    work = asyncio.create_task(bench.encoding.passages(["red", "green"]))
    await until(lambda: bench.failures == [Failure.RAISED])
    bench.heal()
    bench.now += 1
    async with asyncio.timeout(120):
        assert (await work).keys() == {"red", "green"}


async def test_items_wait_for_a_late_slice_and_for_another_after_a_hung_one(bench: Bench) -> None:
    bench.under(Budget(0.05, LONG_S))
    bench.hang()
    work = asyncio.create_task(bench.encoding.passages(["red"]))
    await until(lambda: bench.failures == [Failure.LATE])
    assert await read(bench, "green") == {}
    bench.let_go()
    assert (await work).keys() == {"red"}
    assert len(bench.engine.shapes) == 1

    bench.failures.clear()
    bench.under(Budget(0.05, 0.1))
    bench.hang()
    work = asyncio.create_task(bench.encoding.passages(["blue"]))
    await until(lambda: bench.failures == [Failure.LATE, Failure.HUNG])
    bench.heal()
    bench.now += 1
    async with asyncio.timeout(120):
        assert (await work).keys() == {"blue"}


async def test_an_item_that_cannot_be_read_lacks_and_does_not_hold_up_the_others(bench: Bench) -> None:
    bench.engine.poison = {"blue"}
    assert (await bench.encoding.passages(["red", "blue", "green"])).keys() == {"red", "green"}
    assert bench.failures == []


async def test_a_warm_up_that_fails_only_opens_the_breaker(bench: Bench) -> None:
    bench.engine.broken = RuntimeError("no memory")
    await bench.encoding.warm_up()
    assert (bench.failures, bench.encoding.healthy) == ([Failure.RAISED], False)
    bench.heal()
    bench.now += 1
    assert await read(bench, "red") == {"red": RED}
    bench.under(Budget(LONG_S, LONG_S, warm_up_s=0.05))
    bench.hang()
    await bench.encoding.warm_up()
    assert (bench.failures[1:], bench.encoding.healthy) == ([Failure.HUNG], False)


async def test_a_warm_up_leaves_a_healthy_encoder_sound(bench: Bench) -> None:
    await bench.encoding.warm_up()
    assert (len(bench.engine.shapes), bench.encoding.healthy, bench.failures) == (2, True, [])
