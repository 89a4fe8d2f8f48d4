"""What the worker says in a sentence, Faust does not say again with a traceback."""

import logging

import pytest

from penchant.errors import Unavailable
from stream.kafka.log_noise import SaidOnce


@pytest.mark.parametrize(
    ("logger", "error", "passes"),
    [
        ("faust.agents.actor", Unavailable("Redis is full"), False),
        ("faust.consumer", RuntimeError("Event loop is closed"), False),
        ("faust.agents.actor", StopAsyncIteration(), False),
        ("mode.threads", RuntimeError("Event loop is closed"), False),
        ("faust.agents.actor", RuntimeError("a fault of ours"), True),
        ("stream.app", Unavailable("Redis is full"), True),
        ("faust.consumer", None, True),
    ],
)
def test_a_record_passes(logger: str, error: Exception | None, passes: bool) -> None:
    found = (type(error), error, None) if error is not None else None
    record = logging.LogRecord(logger, logging.ERROR, __file__, 1, "Crashed", (), found)
    assert SaidOnce().filter(record) is passes
