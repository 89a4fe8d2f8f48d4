"""The encoder under its budget: what it does not read in time is missed, and nothing waits for it.

Texts go through in slices that a healthy encoder reads in a fraction of the budget, so a long queue is not taken for a
slow encoder. What becomes of a slice:

    late    over its budget (500 ms): missed, with what stands behind it; what comes later fills the encoder's cache
    hung    not back after 5 s: its thread is abandoned, and the breaker opens
    raised  a text of the encoder's own is tried: if that fails too, the breaker opens; else the slice is halved until
            the texts that cannot be read stand alone

While a slice is late or the breaker open, nothing is asked, and all is missed at once.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TypeVar

from serving.model.artifact import TextKind
from serving.model.encoder import Encoder
from serving.model.tokens import OnBatch, batches
from serving.state.user_state import Vector
from stream.encoder.circuit_breaker import CircuitBreaker
from stream.encoder.daemon_thread import DaemonThreadExecutor

__all__ = ["DeadlineEncoder", "Failure"]

_MOST_ABANDONED = 4  # threads that hang; with so many the encoder is left alone until one of them returns
_LOOK_AGAIN_S = 0.05
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Failure(Enum):
    """How a slice failed: see the module."""

    LATE = "late"
    HUNG = "hung"
    RAISED = "raised"


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a slice may take until nobody waits for it, until it counts as hung, and the first one ever."""

    slice_s: float = 0.5
    hung_s: float = 5.0
    warm_up_s: float = 60.0


class _EncoderUnavailable(Exception):
    """The encoder was not asked, or has not answered in time."""


class DeadlineEncoder:
    """See the module. `on_failure` and `on_batch` are told of each, for the metrics. Used from one event loop."""

    def __init__(
        self,
        encoder: Encoder,
        budget: Budget | None = None,
        breaker: CircuitBreaker | None = None,
        on_failure: Callable[[Failure], None] = lambda _: None,
        on_batch: OnBatch = lambda _: None,
    ) -> None:
        self._encoder = encoder
        self._budget = budget or Budget()
        self._breaker = breaker or CircuitBreaker()
        self._on_failure = on_failure
        self._on_batch = on_batch  # called on the encoder's thread
        self._turn = asyncio.Lock()
        self._executor: DaemonThreadExecutor | None = None
        self._late: asyncio.Task[None] | None = None  # watches a slice that is over its budget
        self._abandoned: list[DaemonThreadExecutor] = []

    @property
    def healthy(self) -> bool:
        """Whether it answered in time when it was asked last."""
        return self._breaker.closed and self._late is None

    @property
    def may_be_asked(self) -> bool:
        """Whether it would be asked now."""
        return self._late is None and not self._breaker.remaining_s and len(self._stuck()) < _MOST_ABANDONED

    async def warm_up(self) -> None:
        """Have the first texts not pay for first allocations. A failure only opens the breaker."""
        async with self._turn:
            if not self.may_be_asked:
                return
            answer = self._submit(self._encoder.warm_up)
            done, _ = await asyncio.wait({answer}, timeout=self._budget.warm_up_s)
            if not done:
                self._abandon(answer)
            elif (error := answer.exception()) is not None:
                self._failed(Failure.RAISED, error)

    async def queries(self, texts: Sequence[str]) -> Mapping[str, Vector]:
        """Vectors of what users wrote, `(d,) float32` each, by text: only of those that were read within the budget."""
        made: dict[str, Vector] = {}
        for part in self._slices(texts):
            try:
                await self._read(part, "query", made)
            except _EncoderUnavailable:
                break
        return made

    async def passages(self, texts: Sequence[str]) -> Mapping[str, Vector]:
        """Vectors of items' texts, likewise, but waiting as long as it takes: only those that cannot be read lack."""
        made: dict[str, Vector] = {}
        for part in self._slices(texts):
            while True:
                try:
                    await self._read(part, "passage", made)
                    break
                except _EncoderUnavailable:
                    await asyncio.sleep(max(self._breaker.remaining_s, _LOOK_AGAIN_S))
        return made

    def close(self) -> None:
        """Abandon the thread, whatever it does."""
        if self._late is not None:
            self._late.cancel()
        if self._executor is not None:
            self._executor.close()

    def _slices(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """The texts in the encoder's own batches, like lengths together. Three bytes a token is short of the truth."""
        lengths = [1 + min(len(text.encode(errors="replace")) // 3, self._encoder.max_tokens) for text in texts]
        for part in batches(lengths, self._encoder.batch_tokens):
            yield [texts[index] for index in part]

    async def _read(self, texts: list[str], kind: TextKind, made: dict[str, Vector], *, tried: bool = False) -> None:
        """Add the texts' vectors to `made`. `tried`: the encoder is healthy, so a text is at fault.

        Raises _EncoderUnavailable.
        """
        try:
            embed = partial(self._encoder.embed, texts, kind, self._on_batch)
            rows = await self._run(embed, patient=kind == "passage")
        except _EncoderUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the worker goes on
            _log.debug("the encoder cannot read %d texts together: %r", len(texts), error)
            if not tried or len(texts) == 1:
                await self._try_own_text(kind)
            if len(texts) == 1:
                _log.warning("the encoder reads others, but not this text of %d characters: %r", len(texts[0]), error)
                return
            half = len(texts) // 2
            for part in (texts[:half], texts[half:]):
                await self._read(part, kind, made, tried=True)
        else:
            self._worked()
            made.update(zip(texts, rows, strict=True))

    async def _try_own_text(self, kind: TextKind) -> None:
        """Raises _EncoderUnavailable unless the encoder reads a text that it is known to be able to."""
        try:
            await self._run(self._encoder.warm_up, patient=kind == "passage")
        except _EncoderUnavailable:
            raise
        except Exception as error:
            self._failed(Failure.RAISED, error)
            raise _EncoderUnavailable from error
        self._worked()

    async def _run(self, job: Callable[[], _T], *, patient: bool) -> _T:
        """What the job returns or raises; a patient one waits on.

        Raises _EncoderUnavailable at once, or when its budget is over.
        """
        async with self._turn:
            if not self.may_be_asked:
                raise _EncoderUnavailable
            answer = self._submit(job)
            done, _ = await asyncio.wait({answer}, timeout=self._budget.slice_s)
            if done:
                return answer.result()
            self._on_failure(Failure.LATE)
            late = self._late = asyncio.create_task(self._watch(answer, patient=patient))
        if patient:
            await asyncio.wait({late})
            if not answer.cancelled():
                return answer.result()
        raise _EncoderUnavailable

    async def _watch(self, answer: "asyncio.Future[_T]", *, patient: bool) -> None:
        """Wait for an answer that is late, until it counts as hung."""
        done, _ = await asyncio.wait({answer}, timeout=self._budget.hung_s - self._budget.slice_s)
        self._late = None
        if not done:
            self._abandon(answer)
        elif (error := answer.exception()) is None:
            self._worked()
        elif not patient:  # else who waits for it looks for the reason
            self._failed(Failure.RAISED, error)

    def _submit(self, job: Callable[[], _T]) -> "asyncio.Future[_T]":
        if self._executor is None:
            self._executor = DaemonThreadExecutor("encoder")
        return asyncio.wrap_future(self._executor.submit(job))

    def _abandon(self, answer: "asyncio.Future[_T]") -> None:
        answer.cancel()
        if self._executor is not None:
            self._executor.close()
            self._abandoned = [*self._stuck(), self._executor]
            self._executor = None
        self._failed(Failure.HUNG)
        if len(self._abandoned) == _MOST_ABANDONED:
            _log.error("%d threads hang in the encoder: it is asked no more; restart the worker", _MOST_ABANDONED)

    def _stuck(self) -> list[DaemonThreadExecutor]:
        return [executor for executor in self._abandoned if executor.alive]

    def _failed(self, failure: Failure, error: BaseException | None = None) -> None:
        was_closed = self._breaker.closed
        self._breaker.failed()
        self._on_failure(failure)
        if was_closed:
            why = f": {error!r}" if error is not None else ""
            _log.warning("the encoder %s%s; lists come from what is known, texts wait", failure.value, why)

    def _worked(self) -> None:
        if not self._breaker.closed:
            _log.warning("the encoder answers again: pending texts are encoded now")
        self._breaker.worked()
