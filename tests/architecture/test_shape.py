"""Files that fit in the head, functions of few parameters, nothing done when a module is imported."""

import ast
from collections.abc import Iterator
from typing import TypeGuard

import pytest

from tests.architecture.tree import PACKAGES, ROOT, Module, files, modules

MAX_LINES = 400
MAX_PARAMETERS = 7
CODE = (".py", ".lua", ".js", ".css", ".html", ".sh")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_no_file_is_too_long() -> None:
    lengths = {path: (ROOT / path).read_text("utf-8").count("\n") for path in files() if path.endswith(CODE)}

    long = {path: lines for path, lines in lengths.items() if lines > MAX_LINES}

    assert not long, f"split these, none may have more than {MAX_LINES} lines: {long}"


def test_no_function_takes_too_much() -> None:
    wrong = [
        f"{module.path}:{function.lineno} {function.name} takes {count}"
        for module in modules()
        for function in ast.walk(module.tree)
        if isinstance(function, Function) and (count := parameters(function)) > MAX_PARAMETERS
    ]

    assert not wrong, f"at most {MAX_PARAMETERS} parameters, then a frozen value:\n" + "\n".join(wrong)


def parameters(function: Function) -> int:
    """How many a caller has to know: without self and cls."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return sum(argument is not None and argument.arg not in {"self", "cls"} for argument in given)


@pytest.mark.parametrize("module", [m for m in modules() if m.package in PACKAGES], ids=lambda module: str(module.name))
def test_importing_a_module_reads_no_environment(module: Module) -> None:
    wrong = [node.lineno for node in at_import(module.tree) if is_environment(node)]

    assert not wrong, f"{module.path}, lines {wrong}: read settings where they are used, not at import"


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: not function bodies, nor what stands under `if __name__ == "__main__"`."""
    yield node
    if isinstance(node, ast.Lambda) or (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)):
        return
    inside = [*node.decorator_list, node.args] if isinstance(node, Function) else ast.iter_child_nodes(node)
    for child in inside:
        yield from at_import(child)


def is_environment(node: ast.AST) -> TypeGuard[ast.Attribute | ast.Name]:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in {"environ", "environb", "getenv"}
