"""A model folder whose manifest, centre or head of sentiment was changed: each with hashes that fit, and without."""

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import Misconfigured
from serving.model import artifact
from serving.model.artifact import CENTRE, MANIFEST, PARTS, open_artifact
from serving.model.sentiment import SENTIMENT, About, write_sentiment
from tests.fuzz.target import Target
from tests.fuzz.targets.wire import as_bytes, read, scratch
from tests.support.folders import make_folder
from tests.support.heads import head_of

_WHOLE = (CENTRE, SENTIMENT)


def model() -> Target:
    """Opened, or refused as misconfigured."""
    folder = make_folder(scratch() / "model")
    fingerprint = open_artifact(folder).fingerprint
    write_sentiment(folder / SENTIMENT, head_of([0.1, 0.2, 0.3]), About(1, fingerprint, {}))
    parts = {name: (folder / name).read_bytes() for name in _WHOLE}
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][SENTIMENT] = artifact.file_hash(folder / SENTIMENT)

    def run(data: bytes) -> None:
        told = read(data)
        if not isinstance(told, dict):
            told = {"manifest": {"raw": data.decode("latin-1")}}
        for name in _WHOLE:
            (folder / name).write_bytes(as_bytes(told.get(name)) or parts[name])
        about = told.get("manifest")
        (folder / MANIFEST).write_bytes(as_bytes(about) or b"")
        with suppress(Misconfigured):
            _use(folder)
        if isinstance(about, dict) and isinstance(about.get("files"), dict):
            about["files"] |= {name: artifact.file_hash(folder / name) for name in (*PARTS, SENTIMENT)}
            with suppress(Exception):  # of what lacks what a fingerprint is made of
                about["fingerprint"] = artifact.fingerprint(about)
            (folder / MANIFEST).write_text(json.dumps(about), encoding="utf-8")
            _use(folder)

    whole = {"manifest": manifest}
    corpus = [whole, whole | {CENTRE: _raw(parts[CENTRE])}, whole | {SENTIMENT: _raw(parts[SENTIMENT])}]
    corpus += [
        whole | {CENTRE: _raw(_saved(each))} for each in (np.zeros((2, 3)), np.array("x"), np.ones((1, 3), np.float32))
    ]
    return Target(
        run=run, corpus=[json.dumps(each).encode() for each in corpus], allowed=(Misconfigured,), most_bytes=16_384
    )


def _use(folder: Path) -> None:
    """What an encoder takes from it before a graph is loaded."""
    opened = open_artifact(folder)
    assert opened.dim > 0
    assert opened.max_tokens > 0
    assert all(isinstance(each, str) for each in opened.providers)
    assert all(np.isfinite(each).all() for each in opened.centres.values())
    int(opened.manifest["pad_id"])
    opened.fingerprint.encode()
    if opened.sentiment is not None:
        assert np.isfinite(opened.sentiment.of(np.ones((1, opened.dim), np.float32))).all()


def _raw(data: bytes) -> dict[str, str]:
    return {"raw": data.decode("latin-1")}


def _saved(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()
