"""The rooms of the packages: few modules in each, no circle between them, and the core knows no service."""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePath

import pytest

from tests.architecture.tree import PACKAGES, ROOT, modules

MOST_MODULES = 14
LARGER = {"serving/ranking": 20, "deploy/commands": 17}  # an algorithm each, and a command each

# Rooms of a worker, each with those that it may know; what these know, it may know too. The rest of `stream` is free.
MAY_KNOW = {
    "events": set[str](),
    "retry": set[str](),
    "encoder": set[str](),
    "interest": {"events"},
    "containment": {"events"},
    "store": {"retry", "interest"},
    "processing": {"interest", "store", "containment"},
    "kafka": {"store", "containment", "retry"},
    "pipeline": {"processing"},
    "settings": {"processing"},
    "monitoring": {"pipeline", "encoder"},
    "tasks": {"monitoring", "settings", "kafka"},
    "rebuild": {"pipeline", "settings"},
}
SERVICES = {"aiohttp", "aiokafka", "faust", "kafka", "mode", "onnxruntime", "prometheus_client", "redis"}
CORE = (
    "stream.events",
    "stream.interest",
    "stream.containment",
    "stream.processing",
    "stream.pipeline",
    "stream.testing",
)


def room_of(name: str) -> str:
    """stream.store.redis -> stream.store; stream.retry stays."""
    return ".".join(name.split(".")[:2])


def rooms(package: str) -> dict[str, set[str]]:
    """Each room of a package, with those that it imports from."""
    known = {room_of(module.name) for module in modules() if module.package == package} - {package}
    found: dict[str, set[str]] = {room: set() for room in known}
    for module in modules():
        if module.package == package and module.name != package:
            mine = room_of(module.name)
            found[mine] |= {room_of(name) for _, name in module.imports()} & known - {mine}
    return found


def closure(direct: Mapping[str, set[str]], room: str) -> set[str]:
    """What a room may know, and what these may."""
    seen: set[str] = set()
    todo = [room]
    while todo:
        new = direct[todo.pop()] - seen
        seen |= new
        todo += new
    return seen


@pytest.mark.parametrize("package", ["serving", "stream", "export", "evaluation", "deploy"])
def test_rooms_form_no_circle(package: str) -> None:
    try:
        TopologicalSorter(rooms(package)).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("room", MAY_KNOW)
def test_a_room_of_the_worker_knows_only_what_lies_below_it(room: str) -> None:
    wrong = rooms("stream")[f"stream.{room}"] - {f"stream.{each}" for each in closure(MAY_KNOW, room)}

    assert not wrong, f"stream.{room} may not know {sorted(wrong)}"


@pytest.mark.parametrize("room", CORE)
def test_importing_the_core_loads_no_service(room: str) -> None:
    names = [module.name for module in modules() if module.name == room or module.name.startswith(f"{room}.")]
    code = f"import sys\nfor name in {names}: __import__(name)\nprint(*sorted({SERVICES} & set(sys.modules)))"

    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not ran.stdout.split(), f"importing {room} loads {ran.stdout.strip()}"


def test_no_room_is_crowded() -> None:
    folders = Counter(str(PurePath(m.path).parent) for m in modules() if m.package in PACKAGES and not is_init(m.path))

    crowded = {folder: count for folder, count in folders.items() if count > LARGER.get(folder, MOST_MODULES)}

    assert not crowded, f"divide these: {crowded}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_modules_of_a_package_share_a_name(package: str) -> None:
    """The commands are called like what they command."""
    names = Counter(
        PurePath(module.path).name
        for module in modules()
        if module.package == package and not is_init(module.path) and "/commands/" not in module.path
    )

    assert {name: count for name, count in names.items() if count > 1 and name != "__main__.py"} == {}


def is_init(path: str) -> bool:
    return path.endswith("__init__.py")
