"""Layers of the packages, folders and single modules: no circle, few modules in each, a core that knows no service."""

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

# Layers of a worker, each with those that it may know; what these know, it may know too. The rest of `stream` is free.
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
    "ondemand": {"tasks", "encoder"},
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


def layer_of(name: str) -> str:
    """stream.store.redis -> stream.store; stream.retry stays."""
    return ".".join(name.split(".")[:2])


def layers(package: str) -> dict[str, set[str]]:
    """Each layer of a package, with those that it imports from."""
    known = {layer_of(module.name) for module in modules() if module.package == package} - {package}
    found: dict[str, set[str]] = {layer: set() for layer in known}
    for module in modules():
        if module.package == package and module.name != package:
            mine = layer_of(module.name)
            found[mine] |= {layer_of(name) for _, name in module.imports()} & known - {mine}
    return found


def closure(direct: Mapping[str, set[str]], layer: str) -> set[str]:
    """What a layer may know, and what these may."""
    seen: set[str] = set()
    todo = [layer]
    while todo:
        new = direct[todo.pop()] - seen
        seen |= new
        todo += new
    return seen


@pytest.mark.parametrize("package", ["serving", "stream", "export", "evaluation", "deploy"])
def test_layers_form_no_circle(package: str) -> None:
    try:
        TopologicalSorter(layers(package)).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("layer", MAY_KNOW)
def test_a_layer_of_the_worker_knows_only_what_lies_below_it(layer: str) -> None:
    wrong = layers("stream")[f"stream.{layer}"] - {f"stream.{each}" for each in closure(MAY_KNOW, layer)}

    assert not wrong, f"stream.{layer} may not know {sorted(wrong)}"


@pytest.mark.parametrize("layer", CORE)
def test_importing_the_core_loads_no_service(layer: str) -> None:
    names = [module.name for module in modules() if module.name == layer or module.name.startswith(f"{layer}.")]
    code = f"import sys\nfor name in {names}: __import__(name)\nprint(*sorted({SERVICES} & set(sys.modules)))"

    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not ran.stdout.split(), f"importing {layer} loads {ran.stdout.strip()}"


def test_no_folder_is_crowded() -> None:
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
