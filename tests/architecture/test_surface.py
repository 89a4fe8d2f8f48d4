"""What a module shows to others is small: what is not for them has an underscore, or is left out of its `__all__`.

A module without `__all__` shows each name that begins with no underscore. With one it shows what stands there, which is
what other sub-packages use; `__all__ = ()` is for its own sub-package alone. Tests may use what is left out of a list.
"""

import ast
from collections.abc import Collection, Iterator
from functools import cache

from tests.architecture.tree import PACKAGES, Module, modules

PRODUCT = set(PACKAGES) - {"benchmarks"}
MOST_PER_1000_LINES = 20  # functions and classes shown

Shown = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def test_the_surface_is_small() -> None:
    product = [module for module in modules() if module.package in PRODUCT]
    count, lines = sum(len(shown(module)) for module in product), sum(module.lines for module in product)

    figure = 1000 * count / lines

    assert figure <= MOST_PER_1000_LINES, f"{count} functions and classes are shown, {figure:.1f} per 1,000 lines"


def test_nobody_uses_what_another_sub_package_hides() -> None:
    wrong = [
        f"{path} uses {name} of {module.name}"
        for module in modules()
        for name, path in used_by_others()[module.name]
        if is_private(name) or ((names := listed(module)) is not None and name not in names)
    ]

    assert not wrong, "show them, or do without:\n" + "\n".join(wrong)


def test_a_list_has_only_what_others_use() -> None:
    """But for the lists of `penchant` and `penchant.testing`, which are for other people's code."""
    wrong = {
        module.path: unused
        for module in modules()
        if (names := listed(module)) is not None and module.name not in {"penchant", "penchant.testing"}
        if (unused := names - {name for name, _ in used_by_others()[module.name]})
    }

    assert not wrong, f"strike these off their lists: {wrong}"


def test_every_way_to_use_a_name_is_seen() -> None:
    source = "from a.b import c, d as e\nfrom a import b as f\nimport a.b\nf.g, a.b.h, e.i, x.f.j\n"
    module = Module("top.last", "top/last.py", 4, ast.parse(source))

    assert set(names_used(module, {"a", "a.b"})) == {("a.b", "c"), ("a.b", "d"), ("a.b", "g"), ("a.b", "h")}


def listed(module: Module) -> set[str] | None:
    """What stands in its `__all__`; None without one."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


def shown(module: Module) -> set[str]:
    """Its functions and classes that others may use."""
    names = {node.name for node in module.tree.body if isinstance(node, Shown)}
    of_list = listed(module)
    return {name for name in names if not is_private(name)} if of_list is None else names & of_list


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


@cache
def used_by_others() -> dict[str, set[tuple[str, str]]]:
    """Of each module the names that other sub-packages use, with the path of who does."""
    homes = {module.name: sub_package(module) for module in modules()}
    used: dict[str, set[tuple[str, str]]] = {name: set() for name in homes}
    for module in modules():
        if module.package != "tests":
            for home, name in names_used(module, homes):
                if homes[home] != sub_package(module):
                    used[home].add((name, module.path))
    return used


def sub_package(module: Module) -> str:
    """Where a module belongs: stream/store/redis.py to stream/store, stream/app.py to stream; no deeper than that."""
    return "/".join(module.path.split("/")[:-1][:2])


def names_used(module: Module, homes: Collection[str]) -> Iterator[tuple[str, str]]:
    """Module and name, of each that it imports from a module of ours or reaches through one."""
    reached: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            reached |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in homes}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (full := f"{node.module}.{alias.name}") in homes:
                    reached[alias.asname or alias.name] = full
                elif node.module in homes:
                    yield node.module, alias.name
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            home = reached.get(ast.unparse(node.value))
            if home and f"{home}.{node.attr}" not in homes:
                yield home, node.attr
