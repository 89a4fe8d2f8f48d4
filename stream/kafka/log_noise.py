"""Keeps out of the log what Faust tells with a traceback, and the worker in a sentence, if at all (stream/app.py)."""

import logging

from penchant.errors import PenchantError

_OF_FAUST = ("faust", "mode")
_CLOSED = "Event loop is closed"  # mode stops the consumer's thread a second time, after its loop has ended


class SaidOnce(logging.Filter):
    """For a handler: lets a record pass unless it is such a one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See the class."""
        if record.name.partition(".")[0] not in _OF_FAUST or not record.exc_info:
            return True
        error = record.exc_info[1]
        ends_a_stream = isinstance(error, StopAsyncIteration)  # each agent's, as a worker stops
        closed = isinstance(error, RuntimeError) and str(error) == _CLOSED
        return not (isinstance(error, PenchantError) or ends_a_stream or closed)
