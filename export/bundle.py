"""Writes a model folder: whole at its place, or not at all."""

import contextlib
import importlib.metadata
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from export.candidates import Graph
from export.gate.reference import Reference, Rows
from export.sources import Source
from serving.model import artifact
from serving.model.artifact import CENTRE, FORMAT, KINDS, MANIFEST, MODEL, PARTS, TOKENIZER
from serving.model.sentiment import SENTIMENT

_LIBRARIES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime", "tokenizers", "numpy")


@contextlib.contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A scratch folder beside `target`, on the same file system so that a rename is enough; gone at the end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        yield Path(scratch)


def write(target: Path, graph: Graph, source: Source, reference: Reference, measured: dict[str, Any]) -> str:
    """Puts the folder at `target`, in place of one that stood there, and returns its fingerprint.

    The graph's file is moved. `measured` goes into the manifest: figures, times, processor. The folder is made
    elsewhere and renamed, so that a worker never opens half of one.
    """
    scheme = graph.scheme
    with staging(target) as scratch:
        folder = scratch / "folder"
        folder.mkdir(mode=0o755)
        graph.path.rename(folder / MODEL)
        source.tokenizer.save(str(folder / TOKENIZER), pretty=False)
        np.save(folder / CENTRE, np.stack([reference.centres[kind] for kind in KINDS]))
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "model": source.model,
            "origin": source.origin,
            "tag": source.tag,
            "scheme": scheme.value,
            "providers": list(scheme.traits.providers),
            "tolerance": scheme.traits.tolerance,
            "dim": reference.dim,
            "pooling": source.pooling.mode,
            "max_tokens": source.max_tokens,
            "pad_id": source.pad_id,
            "prefixes": dict(source.prefixes),
            "files": {name: artifact.file_hash(folder / name) for name in PARTS},
            "versions": dict(_versions()),
            "probe": graph.probe.as_json() if graph.probe is not None else None,
        } | measured
        manifest["fingerprint"] = artifact.fingerprint(manifest)
        _write_manifest(folder, manifest)
        _put_in_place(folder, target)
    return str(manifest["fingerprint"])


def write_endpoint(target: Path, centres: Rows, manifest: dict[str, Any]) -> str:
    """Puts a folder at `target` whose rows an endpoint makes, and returns its fingerprint. `manifest`: what it says."""
    with staging(target) as scratch:
        folder = scratch / "folder"
        folder.mkdir(mode=0o755)
        np.save(folder / CENTRE, np.stack([centres[kind] for kind in KINDS]))
        manifest = {"format": FORMAT, **manifest, "files": {CENTRE: artifact.file_hash(folder / CENTRE)}}
        manifest["fingerprint"] = artifact.fingerprint(manifest)
        _write_manifest(folder, manifest)
        _put_in_place(folder, target)
    return str(manifest["fingerprint"])


def _versions() -> Iterator[tuple[str, str]]:
    """Those of the libraries that may have had a part in it, where they are installed."""
    for name in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


@contextlib.contextmanager
def renewed(target: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A copy of a model folder without its head, and its manifest; put in the folder's place at the end.

    Raises BrokenArtifact if `target` is no model folder, or the copy was made into something that a worker refuses.
    """
    manifest = artifact.read_manifest(target)
    manifest["files"].pop(SENTIMENT, None)
    with staging(target) as scratch:
        folder = scratch / "folder"
        folder.mkdir(mode=0o755)
        for name in artifact.parts(manifest):
            if (target / name).is_file():
                os.link(target / name, folder / name)
        _write_manifest(folder, manifest)
        yield folder, manifest
        _put_in_place(folder, target)


def add(folder: Path, manifest: dict[str, Any], name: str) -> None:
    """Have the manifest name a file of the folder, with its hash."""
    manifest["files"][name] = artifact.file_hash(folder / name)
    _write_manifest(folder, manifest)


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _put_in_place(folder: Path, target: Path) -> None:
    artifact.open_artifact(folder)  # what a worker would do: nothing that it refuses is put in place
    if target.exists():
        target.rename(folder.with_name("before"))
    folder.rename(target)


def is_replaceable(target: Path) -> bool:
    """Whether `target` may be replaced: it is absent, empty, or a model folder. Nothing else is ever deleted."""
    return not target.exists() or (target / MANIFEST).is_file() or (target.is_dir() and not any(target.iterdir()))
