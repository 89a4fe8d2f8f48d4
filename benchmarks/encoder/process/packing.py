"""Ways to pack texts into batches: under a token budget as the encoder does, and two that services begin with."""

from collections.abc import Callable, Mapping, Sequence

from serving.model.tokens import Run, pad, run_in_batches

Rows = Sequence[Sequence[int]]  # token ids, text by text
Way = Callable[[Run, Rows, int], object]  # run, texts, padding id

_BATCH = 32


def _in_order(size: int) -> Way:
    """Batches of `size` texts as they come, each padded to its longest."""

    def run_all(run: Run, rows: Rows, pad_id: int) -> None:
        for begin in range(0, len(rows), size):
            run(*pad(rows[begin : begin + size], pad_id))

    return run_all


BUDGETED, ARRIVAL, SINGLE = "token budget", f"{_BATCH} as they come", "one by one"
WAYS: Mapping[str, Way] = {BUDGETED: run_in_batches, ARRIVAL: _in_order(_BATCH), SINGLE: _in_order(1)}
