"""What pages say of the code is there: links, files and functions, and the layers of the worker."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.test_layers import MAY_KNOW
from tests.architecture.tree import ROOT, files, modules

PAGES = sorted(path for path in files() if path.endswith(".md"))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")


def anchors(page: str) -> set[str]:
    """Where a link may point within a page, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_a_link_points_at_something(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL)
    folder = (ROOT / page).parent
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        path = (folder / target).resolve() if target else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(str(path.relative_to(ROOT)))):
            wrong.append(link)

    assert not wrong, f"{page} links what is not there: {wrong}"


@pytest.mark.parametrize("text", [ARCHITECTURE, GLOSSARY], ids=["architecture", "glossary"])
def test_a_file_that_a_page_names_is_there(text: str) -> None:
    named = set(re.findall(r"`((?:[\w-]+/)+[\w-]+\.\w+)`", text))

    assert not named - set(files())


def test_every_frame_is_a_function_of_its_file() -> None:
    frames = re.findall(r"^\| \d+ \| `([\w/]+\.py)` `(\w+)` \|", ARCHITECTURE, re.MULTILINE)
    of_file = {module.path: module.tree for module in modules()}

    assert len(frames) == 9
    for path, name in frames:
        assert name in functions(of_file[path]), f"{path} has no {name} any more"


def functions(tree: ast.Module) -> set[str]:
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_layers_on_the_page_are_those_that_are_tested() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*)\|$", ARCHITECTURE, re.MULTILINE)

    assert {layer: set(re.findall(r"`(\w+)`", knows)) for layer, knows in rows} == MAY_KNOW


def terms() -> Iterator[tuple[str, ...]]:
    """The rows of the glossary: term, meaning, file, source."""
    for row in re.findall(r"^\| (?!term|---)(.*) \|$", GLOSSARY, re.MULTILINE):
        yield tuple(cell.strip() for cell in re.split(r" \|(?: |$)", row))


def test_every_term_has_a_meaning_and_a_file() -> None:
    rows = list(terms())

    assert len({row[0] for row in rows}) == len(rows) > 50
    for row in rows:
        assert len(row) == 4, row
        assert row[1], row
        assert re.fullmatch(r"\[[\w.]+\]\([^)]+\)", row[2]), row
