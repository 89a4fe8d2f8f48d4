"""Archives are copied out of a wheelhouse, whole and unaltered, or not at all."""

import hashlib
from pathlib import Path

import pytest

from export.archives import Archive, fetch
from penchant.errors import Misconfigured

CONTENT = b"weights"
ARCHIVE = Archive("a==1", "a-1.whl", hashlib.sha256(CONTENT).hexdigest())


def house(tmp_path: Path, content: bytes) -> Path:
    folder = tmp_path / "house"
    folder.mkdir()
    (folder / ARCHIVE.name).write_bytes(content)
    return folder


def test_an_archive_is_copied_from_the_wheelhouse(tmp_path: Path) -> None:
    fetch(tmp_path / "cache", [ARCHIVE], house(tmp_path, CONTENT))

    assert (tmp_path / "cache" / ARCHIVE.name).read_bytes() == CONTENT


def test_one_that_was_cut_short_is_copied_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / ARCHIVE.name).write_bytes(CONTENT[:3])

    fetch(cache, [ARCHIVE], house(tmp_path, CONTENT))

    assert (cache / ARCHIVE.name).read_bytes() == CONTENT


def test_an_altered_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"house has no a-1\.whl, or an altered one: `make wheelhouse`"):
        fetch(tmp_path / "cache", [ARCHIVE], house(tmp_path, b"others"))

    assert not (tmp_path / "cache" / ARCHIVE.name).exists()


def test_what_is_there_needs_no_wheelhouse(tmp_path: Path) -> None:
    fetch(house(tmp_path, CONTENT), [ARCHIVE], tmp_path / "nowhere")
