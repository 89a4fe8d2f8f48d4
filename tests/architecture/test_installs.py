"""What an install brings with it: the worker's has no torch, a consumer's has neither Faust nor an encoder."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import ROOT, Module, modules

EXPORTERS = {"torch", "transformers", "optimum", "optimum-onnx", "onnx", "sentence-transformers"}
SERVERS = {"faust-streaming", "mode-streaming", "aiokafka", "redis", "aiohttp", "onnxruntime", "tokenizers"}

# What a command line that only shows its help has no use for.
NEVER_IN_CLI = {"faust", "aiokafka", "redis", "aiohttp", "onnxruntime", "tokenizers", "stream", "export", "torch"}

CHECKED_BY_LOCAL = ("stream.settings", "serving.api.settings")


def declared(*extras: str) -> list[str]:
    """What pyproject.toml asks for; the installed metadata may be older."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]


def resolved(requirements: Iterable[str]) -> set[str]:
    """Names of all distributions that these need here, with what those need in turn, extras and markers heeded.

    Reads the metadata of what is installed; a requirement that is missing or of another version is an error.
    """
    seen: dict[str, set[str]] = {}
    todo = [(Requirement(line), "") for line in requirements]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found = metadata.distribution(name)
        assert requirement.specifier.contains(found.version, prereleases=True), (
            f"{requirement}: here is {found.version}"
        )
        fresh = {"", *requirement.extras} - seen.setdefault(name, set())
        seen[name] |= fresh
        todo += [(needed, each) for each in fresh for needed in needs(found)]
    return set(seen)


def needs(distribution: metadata.Distribution) -> Iterator[Requirement]:
    return map(Requirement, distribution.requires or ())


def test_a_worker_installs_no_torch() -> None:
    names = resolved(declared("worker", "cpu"))

    assert {"faust-streaming", "redis", "onnxruntime", "numpy"} <= names
    assert not names & EXPORTERS


def test_a_consumer_installs_neither_faust_nor_encoder() -> None:
    names = resolved(declared())

    assert {"kafka-python", "msgspec", "pydantic-core"} <= names
    assert not names & (SERVERS | EXPORTERS)


def test_the_api_installs_no_faust() -> None:
    assert not resolved(declared("api")) & ({"faust-streaming", "mode-streaming"} | EXPORTERS)


def test_extras_of_a_dependency_are_followed_with_their_markers() -> None:
    assert "colorama" not in resolved(["click"])  # on Windows only
    assert "pysocks" not in resolved(["requests"])
    with pytest.raises(metadata.PackageNotFoundError):
        resolved(["requests[socks]"])  # which needs PySocks, which nothing here asks for


def test_no_extra_names_both_builds_of_onnx_runtime() -> None:
    """They share an import name: the one installed last silently takes the other's place."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    names = {extra: {Requirement(line).name for line in lines} for extra, lines in extras.items()}

    assert [extra for extra in names if "onnxruntime" in names[extra]] == ["cpu", "export"]
    assert [extra for extra in names if "onnxruntime-gpu" in names[extra]] == ["gpu"]
    assert "onnxruntime" not in resolved(declared("worker"))


def loaded_by(*names: str) -> set[str]:
    """Import these in a fresh interpreter, and tell which top-level modules are loaded then, or were looked for."""
    script = (
        "import importlib, json, sys\n"
        "wanted = set()\n"
        "class Ear:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if path is None: wanted.add(name)\n"
        "sys.meta_path.insert(0, Ear())\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(json.dumps(sorted(wanted | {name.partition('.')[0] for name in sys.modules})))\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_a_worker_loads_no_torch_nor_looks_for_it() -> None:
    names = loaded_by("stream.worker", "stream.app", "serving.model.encoder", "serving.model.engines.onnx_runtime")

    assert {"faust", "numpy", "redis"} <= names
    assert not names & {"torch", "transformers", "optimum", "onnx", "export", "deploy"}


def test_a_consumer_s_client_loads_what_its_install_has() -> None:
    names = loaded_by(*(module.name for module in modules() if module.package == "penchant"))

    assert {"kafka", "cramjam", "crc32c", "msgspec"} <= names
    assert not names & (NEVER_IN_CLI | {"prometheus_client", "serving", "deploy", "psutil"})


def test_the_command_line_loads_nothing_heavy() -> None:
    names = loaded_by("deploy.cli")

    assert {"click", "deploy", "penchant", "serving"} <= names
    assert not names & NEVER_IN_CLI


def test_what_makes_no_list_starts_without_the_compiler() -> None:
    """It takes a second of a core: the API makes lists on demand, `penchant local` only checks what others will."""
    api, local = loaded_by("deploy.api.api_process"), loaded_by("deploy.local.stack", *CHECKED_BY_LOCAL)

    assert "aiohttp" in api
    assert "pydantic" in local
    assert not (api | local) & {"numba", "faust", "onnxruntime"}


@pytest.mark.parametrize("package", ["penchant", "serving", "stream", "evaluation", "deploy", "export"])
def test_every_module_can_be_imported_from_the_worker_s_environment(package: str) -> None:
    """Heavy imports stand in functions: not even the exporter's modules load torch."""
    names = [m.name for m in modules() if m.package == package and not m.name.endswith("__main__")]

    assert not loaded_by(*names) & {"torch", "transformers", "optimum"}


def drawing(among: Iterable[Module]) -> set[str]:
    """Those that import matplotlib, or one that does."""
    imports = {m.name: {each for _, each in m.imports()} for m in among}
    found, more = set[str](), {"matplotlib"}
    while more:
        found |= more
        more = {name for name, each in imports.items() if any(one.startswith((*more,)) for one in each)} - found
    return found


def test_importing_anything_connects_starts_and_writes_nothing() -> None:
    """No client, process, thread or file is made by an import, ours or of what we stand on.

    Except that a library of Faust asks the platform, which asks the program `file`, how many bits Python has; and that
    matplotlib makes a list of the fonts there are, the first time.
    """
    drawn = find_spec("matplotlib") is not None  # an extra of its own
    named = [m for m in modules() if m.package != "tests" and not m.name.endswith("__main__")]
    left_out = set() if drawn else drawing(named)
    names = [m.name for m in named if m.name not in left_out]
    script = (
        "import importlib, sys, threading\n"
        f"{'import matplotlib.font_manager' * drawn}\n"
        "def hook(event, arguments):\n"
        "    writes = event == 'open' and isinstance(arguments[1], str) and set(arguments[1]) & set('wax+')\n"
        "    if writes or event in {'socket.connect', 'socket.bind', 'subprocess.Popen', 'os.system', 'os.fork'}:\n"
        "        if arguments[0] != 'file': print(event, arguments[0])\n"
        "sys.addaudithook(hook)\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(threading.active_count() - 1, 'threads')\n"
    )
    command = [sys.executable, "-B", "-W", "ignore", "-c", script, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("0 threads\n", "")
