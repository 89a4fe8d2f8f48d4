"""Runs a command that dies with its parent: `python parent_death.py PARENT_PID COMMAND…`.

The kernel is asked to kill us when the parent ends, however it ends, and keeps to that across exec. A program of its
own rather than a hook between fork and exec: Python code there can deadlock in a process that has threads.
Standard library only, so that it starts in milliseconds (`python -I -S`). Elsewhere than on Linux there is no such
promise of the kernel: there children are stopped when the parent stops them, not when it is killed.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def _main() -> None:
    """Tie this process to its parent and become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked
            sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - a list, no shell
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    _main()
