"""Ours: `penchant local` as people start it, with all that a list of ours goes through."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from urllib.parse import urlsplit

import msgspec

from benchmarks.peers.over_http.server import Http, Server
from benchmarks.peers.peer_process import Work
from benchmarks.performance.load.workload import item_id
from benchmarks.performance.systems.exposition import processed
from benchmarks.performance.systems.local_system import MeasuredSystem, SystemOptions, running_system
from penchant import Click, EventProducer
from penchant.errors import Unavailable

__all__ = ()

_TAKEN_IN_S = 120.0
_LOOK_S = 0.1


class _Penchant:
    name = "penchant"
    version = version("penchant")
    note = "the API's processor time; worker, broker and store stand beside"

    def __init__(self, system: MeasuredSystem) -> None:
        self.port = int(urlsplit(system.where.api).port or 80)
        self._system = system

    def path_of(self, user: int) -> str:
        """See `Server`."""
        return f"/v1/users/u{user}/recommendations?fallback=trending"

    def items_in(self, answer: bytes) -> list[int]:
        """See `Server`."""
        return [int(item["item_id"][1:]) for item in msgspec.json.decode(answer)["items"]]

    def tell(self, http: Http, user: int, item: int) -> None:
        """See `Server`."""
        event = {"user_id": f"u{user}", "item_id": item_id(item), "type": "click"}
        http.ask("/v1/events", msgspec.json.encode(event))

    def cpu_s(self) -> float:
        """See `Server`."""
        return self._system.cpu_s()["api"]


@contextmanager
def penchant(work: Work) -> Iterator[Server]:
    """Started and filled."""
    with running_system(SystemOptions(items=work.items, k=work.k)) as system:
        system.fill()
        before = system.metrics()
        with EventProducer(system.where.bootstrap, system.where.prefix, buffer_bytes=64 * 2**20) as producer:
            for user, item in work.history:
                producer.send(Click(user_id=f"u{user}", item_id=item_id(item), type="click"))
        deadline = time.monotonic() + _TAKEN_IN_S
        while (done := processed(before, system.metrics())) < len(work.history):
            if time.monotonic() > deadline:
                raise Unavailable(f"{done:,.0f} of {len(work.history):,} events were taken in")
            time.sleep(_LOOK_S)
        yield _Penchant(system)
