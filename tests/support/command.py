"""Runs `penchant` as people do: a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, one JSON value."""
        return json.loads(self.out)


def clean_environment(**variables: str) -> dict[str, str]:
    """Our environment without settings of Penchant, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENCHANT_")}
    return {**kept, **variables}


def penchant(*arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ran:
    """Run one command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=clean_environment(**(environment or {})),
    )
    return Ran(done.returncode, done.stdout, done.stderr)
