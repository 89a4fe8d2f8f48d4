"""A disk of a few MiB that can be filled to its last byte: a tmpfs, which takes a root of the machine to mount."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.scenario import Skipped

_CHUNK = b"\0" * 65_536


@dataclass(frozen=True)
class SmallDisk:
    """`folder` is all of it."""

    folder: Path

    def fill(self) -> None:
        """Leave nothing, not even for a byte."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            for size in (len(_CHUNK), 4096, 1):
                try:
                    while True:
                        ballast.write(_CHUNK[:size])
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def clear(self) -> None:
        """Leave room again."""
        (self.folder / "ballast").unlink()


@contextmanager
def small_disk(folder: Path, mib: int = 64) -> Iterator[SmallDisk]:
    """Mount one for the block. Raises Skipped where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "penchant-faults", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode != 0:
        raise Skipped("a small disk cannot be mounted here: it takes root, and the right to mount")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
