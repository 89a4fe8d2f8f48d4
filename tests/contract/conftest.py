"""The stores that the promises are held to: the fake, the embedded Redis, and Debian's if it is here."""

import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Protocol

import numpy as np
import pytest

from deploy.local.processes import ChildProcess
from deploy.local.services import free_port
from serving.state.user_state import UserState
from stream.store.base import Commit, Retention
from stream.store.redis import Store
from stream.testing import FINGERPRINT, MemoryStore
from tests.support.waiting import until

AnyStore = MemoryStore | Store
CLICKS, REVIEWS = "clicks", "reviews"
IDENTITIES = {CLICKS: "run-1", REVIEWS: "run-1"}
EXPIRY_S = 1000
DEBIANS = shutil.which("redis-server")


class Opener(Protocol):
    """Opens another worker's store on the same data."""

    def __call__(self, identities: Mapping[str, str] = IDENTITIES) -> AnyStore: ...


@pytest.fixture(scope="session")
def debian_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The redis-server that the system has installed, 7.0 on Debian 12: newer than the embedded one."""
    folder, port = tmp_path_factory.mktemp("debian-store"), free_port()
    child = ChildProcess(
        "redis-server",
        [DEBIANS or "", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""],
        folder / "store.log",
    )
    assert until(lambda: b"Ready to accept" in (folder / "store.log").read_bytes()), child.last_lines()
    yield f"redis://127.0.0.1:{port}/0"
    child.stop()


@pytest.fixture(params=["memory", "embedded", *(["debian"] if DEBIANS else [])])
async def another(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Opener]:
    if request.param == "memory":
        first = MemoryStore()
        yield lambda identities=IDENTITIES: MemoryStore(identities, beside=first)
        return
    url: str = request.getfixturevalue("redis_url" if request.param == "embedded" else "debian_url")
    async with AsyncExitStack() as stack:

        def connect(identities: Mapping[str, str] = IDENTITIES) -> Store:
            store = Store(url, prefix, FINGERPRINT, identities, Retention(EXPIRY_S))
            stack.push_async_callback(store.close)
            return store

        yield connect


@pytest.fixture
def store(another: Opener) -> AnyStore:
    return another()


def state(version: int) -> UserState:
    return UserState(long=np.array([version, -0.5], np.float32), reference_ms=10, list_version=version)


def commit(store: AnyStore, offsets: dict[str, int], **states: UserState) -> Commit:
    return Commit(3, store.lease(3), states, offsets)


async def version(store: AnyStore, user: str) -> int:
    return (await store.load(3, [user]))[user].list_version
