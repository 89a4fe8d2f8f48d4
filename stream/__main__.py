"""`python -m stream`: one worker. Says at start what is missing, and what to do; exits as docs/running.md says."""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
from typing import NoReturn

from penchant.errors import Misconfigured, PenchantError
from serving.configuration.setting_errors import unknown_variables
from serving.terminal.printable import EscapedFormatter, lines_shown, tolerant_streams
from stream.kafka.log_noise import SaidOnce

_LATE_S = 2.0
_COMPILING = (
    "what lists take is compiled for this kind of processor, once an installation: some twenty seconds of a core "
    "(docs/running.md, Compiled code)"
)


def main() -> int:
    """Check the dependencies, then run until told to stop. Returns the exit code."""
    # Before numpy is imported: a list is one small matrix-vector product, and threads that spin for it take the cores
    # from the broker, the store and the encoder (4.7 ms a list with two threads on two busy cores, 0.3 ms with one).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    faulthandler.enable()  # a crash in a library says where
    tolerant_streams()
    try:
        _start_log(os.environ.get("PENCHANT_LOG_LEVEL", "INFO").strip().upper())
        return _run()
    except PenchantError as error:
        print(f"penchant worker: {lines_shown(str(error))}", file=sys.stderr)  # a sentence for a person, no traceback
        return error.exit_code


def _start_log(level: str) -> None:
    """Write the log to standard error, a line a record, whatever it quotes."""
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    if level not in levels:
        raise Misconfigured(f"settings are wrong: PENCHANT_LOG_LEVEL is {level!r}: write one of {', '.join(levels)}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EscapedFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(SaidOnce())
    logging.basicConfig(level=level, handlers=[handler])
    for chatty in ("faust", "mode", "aiokafka", "kafka"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    for warning in unknown_variables(os.environ):
        logging.getLogger(__name__).warning("%s", warning)


def _run() -> int:
    import uvloop

    from serving.kafka.admin import topic_layout
    from serving.model.encoder import load_encoder
    from serving.ranking.warm_up import warm_up
    from stream.app import run
    from stream.settings import WorkerSettings
    from stream.startup_checks import check_group, check_store

    settings = WorkerSettings()
    try:
        layout = topic_layout(settings.brokers, settings.topics)
        asyncio.run(check_group(settings))
    except PenchantError as error:
        # At start nothing is retried: a supervisor does that, and a person reads what is missing.
        raise Misconfigured(str(error)) from error
    encoder = load_encoder(settings.model, settings.provider, threads=settings.encoder_threads)
    late = threading.Timer(_LATE_S, logging.getLogger(__name__).info, args=[_COMPILING])
    late.start()
    warm_up()
    late.cancel()
    asyncio.run(check_store(settings, encoder.fingerprint, layout.partitions, layout.identities))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(settings, encoder, layout))


def leave(code: int) -> NoReturn:
    """End the process with what `main` returned."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: after a crash Faust's consumer thread may go on for a while, talking to a loop that is closed.
    os._exit(code)


if __name__ == "__main__":
    leave(main())
