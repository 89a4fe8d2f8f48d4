"""The packages that Penchant's extras bring, as this environment has them: from their own metadata, no network."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME = "penchant"
SHIPPED = ("worker", "api", "cpu", "openvino", "model", "local")  # what runs in a deployment, or makes a model folder
TOOLS = ("bench", "browser", "plots", "docker", "fuzz", "openapi", "dev")


@dataclass(frozen=True)
class Package:
    """One of them. licence: an SPDX expression; empty if its metadata tells none that is known here."""

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]


def installed(extras: Iterable[str]) -> list[Package]:
    """Penchant with these extras and all below them, by name; what is not installed is left out."""
    found: dict[str, Package] = {}
    left = [(NAME, frozenset(extras))]
    done = set()
    while left:
        name, wanted = left.pop()
        done.add((name, wanted))
        try:
            held = distribution(name)
        except PackageNotFoundError:
            continue  # of another platform, or an extra that this environment does without
        needed = list(_needed(held, wanted))
        before = found[name].needs if name in found else ()
        needs = tuple(sorted({*before, *(need for need, _ in needed)} - {name}))
        found[name] = Package(name, held.version, spdx(held), needs)
        left += [need for need in needed if need not in done]
    return [found[name] for name in sorted(found)]


def _needed(held: Distribution, extras: frozenset[str]) -> Iterable[tuple[str, frozenset[str]]]:
    for line in held.requires or ():
        asked = Requirement(line)
        if asked.marker is None or any(asked.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield canonicalize_name(asked.name), frozenset(asked.extras)


# How packages write their licences where they do not write SPDX.
_SPELLINGS = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "osi approved :: apache software license": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-derived (repoze)": "BSD-3-Clause-Modification",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "repoze public license": "BSD-3-Clause-Modification",
}
# Whose metadata tells none: read from the licence file in the package, or in its sources.
_READ = {"atheris": "Apache-2.0", "axe-playwright-python": "MIT"}


def spdx(held: Distribution) -> str:
    """What a package says of its licence: the expression, else the field, else the classifiers."""
    metadata = held.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    if read := _READ.get(canonicalize_name(metadata["Name"])):
        return read
    told = metadata["License"].strip() if "License" in metadata else ""
    classifiers = [each.split(" :: ")[-1] for each in metadata.get_all("Classifier") or () if "License ::" in each]
    for words in (told, *classifiers):
        if known := _SPELLINGS.get(words.lower()):
            return known
    return told if 0 < len(told) < 60 and "\n" not in told else ""
