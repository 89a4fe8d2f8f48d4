"""A model folder that a worker has loaded in no time, with all that the default one has; it knows no language."""

from pathlib import Path

from serving.model.artifact import PARTS, file_hash, open_artifact
from serving.model.sentiment import FORMAT, SENTIMENT, About, write_sentiment
from tests.support.folders import write_manifest
from tests.support.heads import head_of
from tests.support.tiny_encoder import WIDTH, write_tiny_folder


def write_small_model(path: Path) -> Path:
    """The folder, at `path`: the same at each call."""
    fingerprint = open_artifact(write_tiny_folder(path)).fingerprint
    write_sentiment(path / SENTIMENT, head_of([2.0, -2.0] * (WIDTH // 2)), About(FORMAT, fingerprint, {}))
    write_manifest(path, dim=WIDTH, files={name: file_hash(path / name) for name in (*PARTS, SENTIMENT)})
    return path
