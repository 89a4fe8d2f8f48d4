"""The project's source as data: its files as git knows them, its modules parsed, what each imports."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("penchant", "serving", "stream", "export", "evaluation", "deploy", "benchmarks")
OWN = (*PACKAGES, "tests")


@dataclass(frozen=True)
class Module:
    """One Python file."""

    name: str  # stream.pipeline
    path: str  # stream/pipeline.py
    lines: int
    tree: ast.Module

    @property
    def package(self) -> str:
        """The top-level package that it belongs to."""
        return self.name.partition(".")[0]

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of every module that it imports anywhere, in functions and for types too.

        `from a import b` gives a.b: whether b is a module or a name in one makes no difference to where it points.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = [*self.name.split(".")[: -node.level], node.module or ""] if node.level else [node.module or ""]
                yield from ((node.lineno, ".".join([*filter(None, base), alias.name])) for alias in node.names)


@cache
def files() -> tuple[str, ...]:
    """Every file of the project, relative to its root: tracked by git, or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(path for path in set(listed.split("\0")) if path and (ROOT / path).is_file()))


@cache
def modules() -> tuple[Module, ...]:
    """Every Python module of the packages and of the tests."""
    return tuple(_parse(path) for path in files() if path.endswith(".py") and path.partition("/")[0] in OWN)


def _parse(path: str) -> Module:
    source = (ROOT / path).read_text(encoding="utf-8")
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Module(name, path, source.count("\n") + 1, ast.parse(source, path))
