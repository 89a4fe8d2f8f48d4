"""A bill of materials, CycloneDX 1.6 in JSON, of what is installed here."""

from collections.abc import Sequence
from typing import Any

from tests.supply.packages import NAME, Package
from tests.supply.programs import PROGRAMS, Program


def bill(packages: Sequence[Package]) -> dict[str, Any]:
    """The whole document. It has neither a time nor a number of its own: the same install makes the same bill."""
    by_name = {package.name: package for package in packages}
    programs = {name: program for name, program in PROGRAMS.items() if name in by_name}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(by_name[NAME], "application")},
        "components": [_component(package, "library") for package in packages if package.name != NAME]
        + [_program(program) for program in programs.values()],
        "dependencies": [
            {
                "ref": purl(package),
                "dependsOn": [purl(by_name[need]) for need in package.needs if need in by_name]
                + ([programs[package.name].purl] if package.name in programs else []),
            }
            for package in packages
        ]
        + [{"ref": program.purl, "dependsOn": []} for program in programs.values()],
    }


def purl(package: Package) -> str:
    """A package's address as bills name it (github.com/package-url/purl-spec).

    >>> purl(Package("kafka-python", "3.0.1", "Apache-2.0", ()))
    'pkg:pypi/kafka-python@3.0.1'
    """
    return f"pkg:pypi/{package.name}@{package.version}"


def _component(package: Package, kind: str) -> dict[str, Any]:
    about: dict[str, Any] = {
        "type": kind,
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
    }
    return about | ({"licenses": [{"expression": package.licence}]} if package.licence else {})


def _program(program: Program) -> dict[str, Any]:
    about: dict[str, Any] = {
        "type": "application",
        "bom-ref": program.purl,
        "name": program.name,
        "version": program.version,
        "purl": program.purl,
        "licenses": [{"expression": program.licence}],
    }
    return about | ({"cpe": program.cpe} if program.cpe else {})
