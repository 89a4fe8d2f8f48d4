"""Peers are timed on the same work; an interpreter without them is told, and left out."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from benchmarks.peers.__main__ import compare, made
from benchmarks.peers.over_http.measuring import moves
from benchmarks.peers.over_http.server import Http
from benchmarks.peers.peer_process import Work, measure
from penchant.errors import Misconfigured


class _Counts:
    """Lists the items that were interacted with most; its lists move with every event."""

    def __init__(self, work: Work) -> None:
        self._k = work.k
        self._counts = [0] * work.items
        for user, item in work.history:
            self.update(user, item)

    def update(self, _: int, item: int) -> None:
        self._counts[item] += 1

    def list_of(self, _: int) -> list[int]:
        return sorted(range(len(self._counts)), key=lambda item: -self._counts[item])[: self._k]


def test_a_peer_is_timed_and_its_moved_lists_are_counted() -> None:
    work = Work(items=5, users=2, k=5, history=[(0, 0)], events=[(0, 1), (1, 1), (0, 1), (1, 1)])
    figures = measure(_Counts(work), work)
    assert figures["events"] == 4
    assert figures["moved"] == pytest.approx(0.25)  # once item 1 passes item 0
    assert figures["list_us"] >= 0.0


def test_work_is_the_same_each_time() -> None:
    work = made(items=100, users=10, history=300, events=20, k=5)
    assert work == made(items=100, users=10, history=300, events=20, k=5)
    assert (len(work.history), len(work.events)) == (300, 20)


def test_an_interpreter_without_peers_is_told() -> None:
    wanted = {"python": sys.executable, "items": 100, "users": 10, "history": 100, "events": 5, "k": 5}
    with pytest.raises(Misconfigured, match="has no rtrec, no implicit, no river"):
        compare(wanted, lambda *_: None)


class _Shop:
    """Tells everybody the items that nobody told of, in order; a click on an even one brings the last to the front."""

    name, version, note = "shop", "1", ""

    def __init__(self, port: int, items: list[int]) -> None:
        self.port = port
        self._items = items

    def path_of(self, user: int) -> str:
        return f"/{user}"

    def items_in(self, answer: bytes) -> list[int]:
        return [int(item) for item in json.loads(answer)]

    def tell(self, _: Http, __: int, item: int) -> None:
        self._items.remove(item)
        if item % 2 == 0:
            self._items.insert(0, self._items.pop())

    def cpu_s(self) -> float:
        return 0.0


@contextmanager
def _answering(items: list[int]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps(items).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_over_http_a_list_without_the_clicked_item_has_not_moved() -> None:
    """Given a list that loses what is clicked, and moves with each second click, then only that is a move."""
    items = list(range(1, 11))
    with _answering(items) as port:
        work = Work(items=10, users=1, k=10, history=[], events=[(0, 1), (0, 2), (0, 3), (0, 4)])
        figures = moves(_Shop(port, items), work, patience_s=0.05, limit_s=30.0)

    assert (figures["events"], figures["moved"]) == (4, 0.5)
    assert 0.0 < figures["event_to_moved_ms"]["p50"] < 30_000
