"""The API as a process of its own, and requests to it as any client would make them."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.local.processes import ChildProcess
from deploy.local.services import API_FETCH_WAIT_MS, free_port
from tests.support.waiting import slowness, until

_TIMEOUT_S = 30.0
_READY_S = 30.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """JSON."""
        return json.loads(self.raw) if self.raw else None


@dataclass(frozen=True)
class Api:
    """Whoever runs it."""

    address: str

    def ask(self, path: str, body: object = None, **headers: str) -> Answer:
        """GET, or POST with a body: JSON of it, or these bytes. Status 0 if nobody listens."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            named.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"{self.address}{path}", data, named)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S * slowness()) as answer:
                return Answer(answer.status, _plain(answer.headers), answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, _plain(refused.headers), refused.read())
        except urllib.error.URLError:
            return Answer(0, {}, b"")

    @contextmanager
    def stream(self, user_id: str, **headers: str) -> Iterator[Iterator[bytes]]:
        """The lines of a user's stream of events; fails where none comes for a while."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.address}/v1/users/{quote(user_id, safe='')}/events", headers=named)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S * slowness()) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            yield iter(answer)

    def list_of(self, user_id: str, query: str = "", **headers: str) -> Answer:
        return self.ask(f"/v1/users/{quote(user_id, safe='')}/recommendations{query}", **headers)

    def ready(self) -> bool:
        return self.ask("/health/ready").status == 200


@dataclass(frozen=True)
class RunningApi(Api):
    child: ChildProcess


@contextmanager
def running_api(folder: Path, bootstrap: str, redis: str, **settings: str) -> Iterator[RunningApi]:
    """Live, and killed at the end."""
    port = free_port()
    environment = {
        "PENCHANT_API_PORT": str(port),
        "PENCHANT_API_FETCH_WAIT_MS": str(API_FETCH_WAIT_MS),
        "PENCHANT_BOOTSTRAP": bootstrap,
        "PENCHANT_REDIS": redis,
        **settings,
    }
    child = ChildProcess("api", [sys.executable, "-m", "deploy.api"], folder / "api.log", environment)
    made = RunningApi(f"http://127.0.0.1:{port}", child)
    try:
        assert until(lambda: made.ask("/health/live").status == 200), child.last_lines()
        yield made
    finally:
        child.kill()


def ready(api: RunningApi) -> RunningApi:
    """Once it has read all that stood on the topics."""
    assert until(api.ready, _READY_S), (api.ask("/health/ready").raw, api.child.last_lines())
    return api


def _plain(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
