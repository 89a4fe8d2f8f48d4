"""Commands print through serving/terminal/printing.py alone: it writes out what a terminal would obey."""

import ast
from collections.abc import Iterator

from tests.architecture.tree import Module, modules

ALLOWED = {
    "deploy/setup_steps.py",  # before anything is installed
    "serving/terminal/printing.py",
    "stream/__main__.py",  # one sentence each, through `lines_shown`, and no click in their installs' way
    "serving/api/app.py",
    "serving/api/liveness.py",  # while the process ends by force
}
PRINTING = {"print", "click.echo", "click.secho", "echo", "secho", "Console", "rich.console.Console", "rich.print"}


def test_nothing_else_prints() -> None:
    wrong = [
        f"{module.path}:{line} {called}"
        for module in modules()
        if module.package in {"deploy", "evaluation", "stream", "serving", "penchant"} and module.path not in ALLOWED
        for line, called in calls(module)
        if called in PRINTING or called.startswith(("sys.stdout.write", "sys.stderr.write"))
    ]

    assert not wrong, f"use say, complain, print_json or console of serving/terminal/printing.py: {wrong}"


def calls(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def test_nothing_makes_markup_of_what_it_was_given() -> None:
    imported = [
        f"{module.path}:{line}"
        for module in modules()
        if module.package in {"deploy", "evaluation", "stream", "serving", "penchant"}
        for line, name in module.imports()
        if name in {"rich.markup.escape", "rich.markup"}
    ]

    assert not imported, f"`theirs` of serving/terminal/printing.py makes a text of it, without emoji codes: {imported}"
