"""Inputs that were found once, as files of text: a byte stands as the character of its number."""

from pathlib import Path

from tests.fuzz.harness import FuzzFinding

SEEDS = Path(__file__).parent / "seeds"
_LONGEST = 300_000  # bytes; a file of more than 500 KB is none of a repository's


def read_seed(path: Path) -> bytes:
    """The input that a file holds."""
    return path.read_bytes().decode().encode("latin-1")


def write_seed(folder: Path, finding: FuzzFinding) -> Path:
    """Write a finding's input down, in the place of a larger one of its kind."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / finding.kind
    path.write_bytes(finding.data[:_LONGEST].decode("latin-1").encode())
    return path


def seeds_of(target: str, folder: Path = SEEDS) -> list[Path]:
    """The files of a target, in order of their names."""
    return sorted(path for path in (folder / target).glob("*") if path.is_file())
