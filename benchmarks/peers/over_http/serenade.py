"""Serenade (bol.com): sessions' neighbours, in Rust. A list answers a click; what it knows is read from a file.

Kersbergen, Sprangers & Schelter, SIGMOD 2022. Settings are those of its own example, but for how many items are told.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.over_http.server import Http, Server, cpu_of, ready
from benchmarks.peers.peer_process import Work
from deploy.local.processes import ChildProcess
from deploy.local.services import free_port

__all__ = ()

VERSION = "0.3.1"
_BEGAN_S = 1_795_341_600
_READY_S = 60.0
_SETTINGS = """\
[server]
host = "127.0.0.1"
port = {port}
num_workers = 2

[data]
training_data_path = "{sessions}"

[model]
m_most_recent_sessions = 500
neighborhood_size_k = 50
max_items_in_session = 2
num_items_to_recommend = {k}
idf_weighting = 1

[logic]
enable_business_logic = false

[hyperparam]
training_data_path = "{sessions}"
test_data_path = "{sessions}"
validation_data_path = "{sessions}"
num_iterations = 1
save_records = false
out_path = "results.csv"
enable_business_logic = false
n_most_recent_sessions_range = [100, 2500]
neighborhood_size_k_range = [50, 1500]
last_items_in_session_range = [1, 20]
idf_weighting_range = [0, 5]
"""


class _Serenade:
    name = "serenade"
    version = VERSION
    note = "the click is the request; what is newer than its file is never told; the item clicked may lead the list"

    def __init__(self, process: ChildProcess, port: int, work: Work) -> None:
        self.port = port
        self._process = process
        self._last = dict(work.history)  # of each user: the same click again changes nothing

    def path_of(self, user: int) -> str:
        """See `Server`."""
        return _path(user, self._last.get(user, 1))

    def items_in(self, answer: bytes) -> list[int]:
        """See `Server`."""
        return [int(item) for item in json.loads(answer)]

    def tell(self, http: Http, user: int, item: int) -> list[int]:
        """See `Server`."""
        self._last[user] = item
        return self.items_in(http.ask(_path(user, item)))

    def cpu_s(self) -> float:
        """See `Server`."""
        return cpu_of(self._process.pid)


def _path(user: int, item: int) -> str:
    return f"/v1/recommend?session_id=u{user}&user_consent=true&item_id={item}"


@contextmanager
def serenade(program: Path, work: Work, folder: Path) -> Iterator[Server]:
    """Started on the history as sessions, one of each user."""
    folder.mkdir(parents=True)
    sessions, settings, port = folder / "sessions.tsv", folder / "serenade.toml", free_port()
    in_order = sorted(enumerate(work.history), key=lambda each: (each[1][0], each[0]))
    lines = [f"{user}\t{item}\t{_BEGAN_S + at}.0" for at, (user, item) in in_order]
    sessions.write_text("\n".join(["SessionId\tItemId\tTime", *lines, ""]))
    settings.write_text(_SETTINGS.format(port=port, sessions=sessions, k=work.k))
    # Its store of sessions is a folder where it is started.
    command = ["/bin/sh", "-c", 'cd "$1" && exec "$2" "$3"', "serenade", str(folder), str(program), str(settings)]
    process = ChildProcess("serenade", command, folder / "serenade.log")
    try:
        ready(process, port, lambda http: bool(http.ask(_path(0, work.history[0][1]))), _READY_S)
        yield _Serenade(process, port, work)
    finally:
        process.stop()
