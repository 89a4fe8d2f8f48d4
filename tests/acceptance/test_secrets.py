"""No secret is seen: not in what commands print or log, nor in the process list, nor in the words on what is wrong."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from deploy.local.services import EmbeddedStore, free_port, start_store
from tests.support.command import penchant
from tests.support.local import running_local

pytestmark = [pytest.mark.kafka, pytest.mark.model]


@pytest.fixture
def canary() -> str:
    return secrets.token_hex(12)


@pytest.fixture
def store(tmp_path: Path, canary: str) -> Iterator[EmbeddedStore]:
    (tmp_path / "store").mkdir()
    made = start_store(tmp_path / "store", password=canary)
    yield made
    made.stop()


def answer(url: str) -> str:
    try:
        with urlopen(url, timeout=60) as found:
            return str(found.read())
    except HTTPError as error:
        with error:
            return str(error.read())


def test_a_running_system_shows_none(tmp_path: Path, store: EmbeddedStore, canary: str, small_model: Path) -> None:
    """Given every secret set, each in another way, then nobody who looks finds it, neither with --json nor without."""
    (tmp_path / "url").write_text(f"{store.url}\n")
    (tmp_path / "erasure").write_text(canary)
    (tmp_path / "run").mkdir()
    given = {
        "PENCHANT_REDIS_FILE": str(tmp_path / "url"),
        "PENCHANT_ERASURE_SECRET_FILE": str(tmp_path / "erasure"),
        "PENCHANT_EMBEDDINGS_KEY": canary,
        "PENCHANT_COMMANDS_KEY": f"shop:{canary}",
        "PENCHANT_LOG_LEVEL": "DEBUG",
        "PENCHANT_MODEL": str(small_model),
    }
    with running_local(tmp_path / "run", **given) as local:
        processes = [psutil.Process(local.process.pid), *local.children(), psutil.Process(store.child.pid)]
        here = {**given, "PENCHANT_BOOTSTRAP": local.where["bootstrap"]}
        said = [json.dumps(local.where), *(" ".join(process.cmdline()) for process in processes)]
        commands = [
            ["doctor"], ["doctor", "--json"], ["explain", "nobody"], ["explain", "nobody", "--json"],
            ["statistics", "show", "--json"], ["replay", "--verify", "--json"], ["dlq", "ls", "--json"],
            ["watch", "u1", "--once", "--timeout", "1"], ["topics", "adopt"],
        ]  # fmt: skip
        for command in commands:
            ran = penchant(*command, environment=here)
            assert "Traceback" not in ran.err
            said += [ran.out, ran.err]
        urls = [local.where["api"], *local.where["workers"]]
        said += [answer(url + path) for url in urls for path in ("/health/ready", "/metrics", "/openapi.json")]
        said += [file.read_text("utf-8") for file in (tmp_path / "run").rglob("*.log")]
        assert local.stop() == 0
        said += local.process.communicate()

    assert len(said) > 2 * len(commands) + 10
    assert local.where["redis"].startswith("redis://:***@"), "it is shown, without its password"
    assert [text for text in said if canary in text] == []


LOGIN = {
    "PENCHANT_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "PENCHANT_KAFKA_SASL_MECHANISM": "PLAIN",
    "PENCHANT_KAFKA_SASL_USERNAME": "me",
}
WRONG = [
    ("REDIS", "redis://:{canary}/x@127.0.0.1:{port}/0"),
    ("REDIS", "redis://:x#{canary}@127.0.0.1:{port}/0"),
    ("REDIS", "redis://:x?{canary}@127.0.0.1:{port}/0"),
    ("REDIS", "redis://:{canary}@127.0.0.1:{port}/0"),
    ("REDIS", "redis://{canary}:{canary}@127.0.0.1:{closed}/0"),
    ("KAFKA_SASL_PASSWORD", "{canary}"),
    ("KAFKA_SASL_PASSWORD_FILE", "{canary}"),
    ("REDIS_FILE", "http://:{canary}@127.0.0.1:{port}/0"),
    ("BOOTSTRAP", "SASL_SSL://me:{canary}@127.0.0.1:{port}"),
    ("ERASURE_SECRET", "{canary:.10}"),
]


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        *((["doctor", "--json"], *wrong) for wrong in WRONG if wrong[0] != "ERASURE_SECRET"),
        *((["local", "--json"], *wrong) for wrong in WRONG[-3:]),
        *((["worker"], *wrong) for wrong in WRONG[-1:]),
    ],
)
def test_what_is_wrong_is_said_without_it(
    tmp_path: Path, canary: str, command: list[str], variable: str, value: str
) -> None:
    """Given a secret in a setting that cannot be used, then one sentence says what to do, and no part of it."""
    (tmp_path / "store").mkdir()
    other = start_store(tmp_path / "store", password="another")
    written = value.format(canary=canary, port=other.port, closed=free_port())
    if variable.endswith("_FILE"):
        (tmp_path / "file").write_text(written)
        written = str(tmp_path / "file")
    environment = {"PENCHANT_BOOTSTRAP": f"127.0.0.1:{free_port()}", f"PENCHANT_{variable}": written}
    if variable.startswith("KAFKA"):
        environment |= LOGIN
    try:
        ran = penchant(*command, environment=environment | {"TMPDIR": str(tmp_path)})
    finally:
        other.stop()
    assert ran.exit_code != 0
    assert "Traceback" not in ran.err
    assert canary[:10] not in ran.out + ran.err
