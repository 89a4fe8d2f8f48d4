import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.local.processes import ChildProcess
from deploy.local.services import free_port, start_store
from tests.conftest import Broker
from tests.support.command import penchant
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


def ask(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())
    except urllib.error.URLError:
        return 0, None


@contextmanager
def api(folder: Path, bootstrap: str, redis: str) -> Iterator[tuple[ChildProcess, str]]:
    port = free_port()
    settings = {"PENCHANT_API_PORT": str(port), "PENCHANT_BOOTSTRAP": bootstrap, "PENCHANT_REDIS": redis}
    child = ChildProcess("api", [sys.executable, "-m", "serving.api.app"], folder / "api.log", settings)
    address = f"http://127.0.0.1:{port}"
    assert until(lambda: ask(f"{address}/health/live")[0] == 200), child.last_lines()
    yield child, address
    child.kill()


def test_ready_until_the_store_is_gone(broker: Broker, tmp_path: Path) -> None:
    store = start_store(tmp_path)
    with api(tmp_path, broker.bootstrap, store.url) as (child, address):
        assert ask(f"{address}/health/ready") == (
            200,
            {"ok": True, "why": "redis and broker answer", "redis": "ok", "broker": "ok"},
        )

        store.stop()

        assert until(lambda: ask(f"{address}/health/ready")[0] == 503)
        _, body = ask(f"{address}/health/ready")
        assert "does not answer" in body["redis"]
        assert body["broker"] == "ok"
        assert ask(f"{address}/health/live")[0] == 200
        assert child.stop() == 0


@pytest.mark.parametrize("missing", ["bootstrap", "redis"])
def test_what_is_missing_at_start_is_named(broker: Broker, redis_url: str, missing: str) -> None:
    there = {"PENCHANT_BOOTSTRAP": broker.bootstrap, "PENCHANT_REDIS": redis_url, "PENCHANT_API_PORT": "0"}
    gone = {"bootstrap": "127.0.0.1:1", "redis": "redis://127.0.0.1:1/0"}
    variable = f"PENCHANT_{missing.upper()}"

    ran = penchant("api", environment={**there, variable: gone[missing]})

    assert ran.exit_code == 78
    assert variable in ran.err
    assert "Traceback" not in ran.err
