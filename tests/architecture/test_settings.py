"""Every setting says what it does, and stands on docs/settings.md."""

import ast
import re

import pytest

from tests.architecture.settings_page import CLASSES, EARLY, NAMES, PAGE, names, own_fields, page, variable
from tests.architecture.tree import PACKAGES, modules

FIELDS = [(settings, name) for settings in CLASSES.values() for name in own_fields(settings)]
VARIABLES = {variable(settings, name) for settings, name in FIELDS} | set(EARLY)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "a setting has changed: run `make docs`"
    assert NAMES.read_text("utf-8") == names(), "a setting has come or gone: run `make docs`"


@pytest.mark.parametrize(("settings", "name"), FIELDS)
def test_a_setting_has_a_description(settings: type, name: str) -> None:
    description = own_fields(settings)[name].description or ""

    assert len(description.split()) >= 3, f"{settings.__name__}.{name}: say what it does, and how to choose it"
    assert description.endswith("."), f"{settings.__name__}.{name}: {description!r} is no sentence"


def test_every_class_of_settings_is_on_the_page() -> None:
    known = {settings.__name__ for settings in CLASSES.values()}
    bases = known | {"BaseSettings"}
    found = {
        node.name
        for module in modules()
        if module.package in PACKAGES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and bases & {base.id for base in node.bases if isinstance(base, ast.Name)}
    }

    assert found == known


def test_every_variable_that_the_code_names_is_on_the_page() -> None:
    unknown = {
        f"{module.path}:{node.lineno} {name}"
        for module in modules()
        if module.package in PACKAGES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name in re.findall(r"PENCHANT_[A-Z_]+", node.value)
        if name not in VARIABLES and not name.endswith("_")
    }

    assert not unknown, f"make these settings: {sorted(unknown)}"


def test_two_classes_do_not_share_a_variable() -> None:
    assert len(FIELDS) + len(EARLY) == len(VARIABLES)
