"""Known holes in the versions that constraints.txt names, as pip-audit finds them; plainly, if it cannot look."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE_S = 300


@dataclass(frozen=True)
class Looked:
    """What came of it. `looked`: how many packages were looked up; `holes`: a line for each that is known."""

    looked: int
    skipped: int
    holes: list[str]

    @property
    def words(self) -> str:
        """In a sentence."""
        if not self.looked:
            return "advisories: NOT looked up, the index in use has none and no other service was reached"
        left = f"; {self.skipped} could not be looked up" if self.skipped else ""
        return f"advisories: {len(self.holes)} known for {self.looked} packages{left}"


def look_up(pip_audit: Path, versions: Path) -> Looked:
    """Ask for every version there. Of what pip-audit could not find it says that nothing is known: counted apart."""
    command = [str(pip_audit), "--requirement", str(versions), "--no-deps", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "10"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        return found(json.loads(ran.stdout))
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return Looked(0, 0, [])  # it ends with a traceback or a word where nothing answers


def found(told: dict[str, Any]) -> Looked:
    """What its JSON says.

    >>> found({"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]},
    ...                         {"name": "b", "skip_reason": "not found"}]})
    Looked(looked=1, skipped=1, holes=['a 1: X-1, mended in 2'])
    """
    asked = told["dependencies"]
    looked = [package for package in asked if "skip_reason" not in package]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none'}"
        for package in looked
        for hole in package["vulns"]
    ]
    return Looked(len(looked), len(asked) - len(looked), holes)
