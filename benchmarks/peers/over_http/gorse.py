"""Gorse, in Go: candidates from several recommenders, ranked ahead by a worker's rounds, or put together at each read.

Settings are those that its distribution has, but for feedback of one kind, and SQLite, so that nothing else is needed.
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.peers.over_http.server import Http, Server, cpu_of, ready
from benchmarks.peers.peer_process import Work
from deploy.local.processes import ChildProcess
from deploy.local.services import free_port

__all__ = ()

VERSION = "0.5.11"
_READY_S = 60.0
_LISTS_S = 75.0  # its rounds are a minute apart
_AT_ONCE = 1000
_SETTINGS = """\
[database]
data_store = "sqlite://{folder}/data.db"
cache_store = "sqlite://{folder}/cache.db"

[master]
host = "127.0.0.1"
port = {inner}
http_host = "127.0.0.1"
http_port = {port}
n_jobs = 2

[server]
default_n = {k}

[blob]
uri = "{folder}/blob"

[recommend]
cache_size = 100
context_size = 100

[recommend.data_source]
positive_feedback_types = ["click"]
read_feedback_types = []

[[recommend.non-personalized]]
name = "popular"
score = "count(feedback, .FeedbackType == 'click')"

[[recommend.item-to-item]]
name = "neighbors"
type = "users"

[[recommend.user-to-user]]
name = "neighbors"
type = "items"

[recommend.collaborative]
type = "mf"
fit_period = "60m"
fit_epoch = 100
optimize_period = "0s"

[recommend.ranker]
type = "{ranker}"
recommenders = [{recommenders}]
fit_period = "60m"
fit_epoch = 100
optimize_period = "0s"

[recommend.fallback]
recommenders = ["item-to-item/neighbors", "non-personalized/popular", "latest"]
"""
_ALL = ("collaborative", "item-to-item/neighbors", "user-to-user/neighbors", "non-personalized/popular", "latest")
_AT_READ = ("item-to-item/neighbors",)  # without a ranker it takes one; the others fill the list up


class _Gorse:
    version = VERSION

    def __init__(self, process: ChildProcess, port: int, *, at_read: bool) -> None:
        self.name = "gorse, lists made at each read" if at_read else "gorse, lists made ahead"
        self.note = "no ranker: neighbours of the user's items" if at_read else "a worker's rounds, a minute apart"
        self.port = port
        self._process = process

    def path_of(self, user: int) -> str:
        """See `Server`."""
        return f"/api/recommend/u{user}"

    def items_in(self, answer: bytes) -> list[int]:
        """See `Server`."""
        return [int(item[1:]) for item in json.loads(answer) or ()]

    def tell(self, http: Http, user: int, item: int) -> None:
        """See `Server`."""
        http.ask("/api/feedback", json.dumps([_click(user, item, "2026-11-23T10:00:00Z")]).encode())

    def cpu_s(self) -> float:
        """See `Server`."""
        return cpu_of(self._process.pid)


def _click(user: int, item: int, at: str) -> dict[str, object]:
    return {"FeedbackType": "click", "UserId": f"u{user}", "ItemId": f"i{item}", "Timestamp": at, "Value": 1}


@contextmanager
def gorse(program: Path, work: Work, folder: Path, *, at_read: bool) -> Iterator[Server]:
    """Started, filled, and with lists for the users of the events, as far as it makes any within its first round."""
    cache = folder / "master"
    cache.mkdir(parents=True)
    port, inner = free_port(), free_port()
    names = _AT_READ if at_read else _ALL
    settings = folder / "gorse.toml"
    settings.write_text(
        _SETTINGS.format(
            folder=folder,
            port=port,
            inner=inner,
            k=work.k,
            ranker="none" if at_read else "fm",
            recommenders=", ".join(f'"{name}"' for name in names),
        )
    )
    command = [str(program), "--config", str(settings), "--cache-path", str(cache)]
    process = ChildProcess("gorse", command, folder / "gorse.log")
    try:
        ready(process, port, lambda http: bool(http.ask("/api/health/ready")), _READY_S)
        _fill(port, work)
        made = _Gorse(process, port, at_read=at_read)
        ready(process, port, lambda http: _there(made, http, work), _LISTS_S)
        yield made
    finally:
        process.kill()  # it does not end by itself on SIGTERM


def _fill(port: int, work: Work) -> None:
    with closing(Http(port)) as http:
        for at in range(0, work.items, _AT_ONCE):
            some = range(at, min(at + _AT_ONCE, work.items))
            items = [{"ItemId": f"i{item}", "Timestamp": "2026-11-22T10:00:00Z"} for item in some]
            http.ask("/api/items", json.dumps(items).encode())
        for at in range(0, len(work.history), _AT_ONCE):
            clicks = [
                _click(user, item, f"2026-11-22T{at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02}Z")
                for at, (user, item) in enumerate(work.history[at : at + _AT_ONCE], at)
            ]
            http.ask("/api/feedback", json.dumps(clicks).encode())


def _there(made: _Gorse, http: Http, work: Work) -> bool:
    """Whether the users of the events have lists."""
    users = {user for user, _ in work.events}
    return all(made.items_in(http.ask(made.path_of(user))) for user in users)
