"""Whether anybody listens where the broker is said to be, asked before a client is made.

kafka-python would go on trying for its whole timeout, and leave a thread and its sockets behind.
"""

import socket
from contextlib import suppress

from penchant.errors import Misconfigured

__all__ = ["check_reachable"]


def check_reachable(bootstrap: str, timeout_s: float = 10.0) -> None:
    """Connect to one of the bootstrap servers and hang up. Raises OSError at once where none listens."""
    *others, last = bootstrap.split(",")
    for server in others:
        with suppress(OSError):
            return _connect(server, timeout_s)
    return _connect(last, timeout_s)


def _connect(server: str, timeout_s: float) -> None:
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        raise Misconfigured(f"{server!r} is no address of a broker: write host:port, several with commas")
    socket.create_connection((host.strip("[]"), int(port)), timeout_s).close()
