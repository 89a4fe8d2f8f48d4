"""Ways to pack texts into batches: under a token budget as the encoder does, and two that services begin with."""

from collections.abc import Callable, Mapping, Sequence

from serving.model.engines import Engine
from serving.model.tokens import pad, run_in_batches

Rows = Sequence[Sequence[int]]  # token ids, text by text
Way = Callable[[Engine, Rows, int], object]  # what runs them, texts, padding id

_BATCH = 32


def _in_order(size: int) -> Way:
    """Batches of `size` texts as they come, each padded to its longest."""

    def run_all(engine: Engine, rows: Rows, pad_id: int) -> None:
        for begin in range(0, len(rows), size):
            engine.run(*pad(rows[begin : begin + size], pad_id))

    return run_all


def _budgeted(engine: Engine, rows: Rows, pad_id: int) -> None:
    """As the encoder does."""
    run_in_batches(engine.run, rows, pad_id, engine.packing)


BUDGETED, ARRIVAL, SINGLE = "token budget", f"{_BATCH} as they come", "one by one"
WAYS: Mapping[str, Way] = {BUDGETED: _budgeted, ARRIVAL: _in_order(_BATCH), SINGLE: _in_order(1)}
