"""By which signals a program that has started others is told to stop."""

import signal


def stopping_signals() -> tuple[signal.Signals, ...]:
    """SIGTERM, SIGINT, and what a terminal sends when it closes (SIGHUP) or at Ctrl-4 (SIGQUIT).

    The latter two, where they were ignored when we were started, stay so: `nohup` means it.
    """
    meant = (number for number in (signal.SIGHUP, signal.SIGQUIT) if signal.getsignal(number) is not signal.SIG_IGN)
    return (signal.SIGTERM, signal.SIGINT, *meant)
