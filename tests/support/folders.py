"""Model folders whose graph is never run."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from serving.model import artifact
from serving.model.artifact import CENTRE, FORMAT, MANIFEST, MODEL, PARTS, TOKENIZER


def write_manifest(folder: Path, **changes: Any) -> None:
    """A manifest that fits the parts in `folder`, but for the changes made after it was hashed."""
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "model": "tests/three-numbers",
        "tag": "three",
        "scheme": "fp32",
        "providers": ["cpu"],
        "dim": 3,
        "max_tokens": 8,
        "pad_id": 1,
        "prefixes": {"query": "query: ", "passage": "passage: "},
        "files": {name: artifact.file_hash(folder / name) for name in PARTS},
    }
    manifest["fingerprint"] = artifact.fingerprint(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest | changes), encoding="utf-8")


def make_folder(path: Path) -> Path:
    """A whole folder. Its graph is never run here, so any bytes do."""
    path.mkdir()
    (path / MODEL).write_bytes(bytes(range(256)) * 40)
    (path / TOKENIZER).write_text("{}", encoding="utf-8")
    np.save(path / CENTRE, np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], np.float32))
    write_manifest(path)
    return path
