"""A bill of materials, CycloneDX 1.6 in JSON, of what is installed here."""

from collections.abc import Sequence
from typing import Any

from tests.supply.packages import NAME, Package


def bill(packages: Sequence[Package]) -> dict[str, Any]:
    """The whole document. It has neither a time nor a number of its own: the same install makes the same bill."""
    by_name = {package.name: package for package in packages}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(by_name[NAME], "application")},
        "components": [_component(package, "library") for package in packages if package.name != NAME],
        "dependencies": [
            {
                "ref": purl(package),
                "dependsOn": [purl(by_name[need]) for need in package.needs if need in by_name],
            }
            for package in packages
        ],
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
