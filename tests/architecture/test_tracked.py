"""What lies in the repository: text, ours, and at home on any machine."""

import re

from tests.architecture.tree import ROOT, files

MAX_BYTES = 500_000
BINARY = re.compile(r"\.(pyc|so|onnx|safetensors|bin|pt|npy|npz|whl|jar|zip|gz|parquet|rdb)$")
PICTURE = re.compile(r"\.webp$")
MAX_PICTURE_BYTES = 120_000
PRIVATE = {
    "a path of one machine": re.compile(r"(?<![\w.$}])/(?:work|root|tmp|home|Users)/\w"),
    "the address of a package registry": re.compile(
        r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|repo1?\.maven\.|deb\.debian\.org|static\.crates\.io"
        r"|proxy\.golang\.org"
    ),
}


def test_nothing_large_or_compiled() -> None:
    wrong = [path for path in files() if BINARY.search(path) or (ROOT / path).stat().st_size > MAX_BYTES]

    assert not wrong, f"these are made or fetched when they are needed, not kept in git: {wrong}"


def test_pictures_are_small() -> None:
    wrong = [path for path in files() if PICTURE.search(path) and (ROOT / path).stat().st_size > MAX_PICTURE_BYTES]

    assert not wrong, f"more than {MAX_PICTURE_BYTES} bytes: {wrong}"


def test_no_path_of_a_machine_and_no_registry() -> None:
    wrong = [
        f"{path}:{number} has {what}: {line.strip()[:100]}"
        for path in files()
        if not PICTURE.search(path)
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), start=1)
        for what, pattern in PRIVATE.items()
        if pattern.search(line)
    ]

    assert not wrong, "\n".join(wrong)
