"""Item vectors by the model folder, kept from run to run: the same texts are encoded once."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track

from evaluation.prequential.data_sets import DatasetItem
from penchant import messages
from penchant.messages import ItemVector
from serving.catalogue import Catalogue, facet_text, item_text, pack
from serving.model.encoder import Encoder
from serving.terminal.printing import console

_AT_ONCE = 256


def catalogue_of(items: Sequence[DatasetItem | messages.Item], encoder: Encoder, cache: Path) -> Catalogue:
    """The items embedded as the worker does it, in their order."""
    facets = [facet_text(item.facets) for item in items]
    distinct = [text for text in dict.fromkeys(facets) if text]
    packed = {text: pack(row) for text, row in zip(distinct, embedded(distinct, encoder, cache, "query"), strict=True)}
    rows = embedded([item_text(item.title, item.text, item.facets) for item in items], encoder, cache, "passage")
    made = Catalogue(encoder.dim, encoder.fingerprint, len(items))
    for item, row, text in zip(items, rows, facets, strict=True):
        made.put(
            ItemVector(
                item_id=item.item_id,
                title=item.title,
                facets=item.facets,
                available=True,
                revision="",
                fingerprint=encoder.fingerprint,
                vector=pack(row),
                facet_text=text,
                facet_vector=packed.get(text, ""),
            )
        )
    made.recentre()
    return made


def embedded(texts: list[str], encoder: Encoder, cache: Path, kind: str) -> npt.NDArray[np.float32]:
    """`(n, d) float32`, from the cache or into it."""
    if not texts:
        return np.zeros((0, encoder.dim), np.float32)
    digest = hashlib.sha256("\0".join([encoder.fingerprint, kind, *texts]).encode()).hexdigest()[:16]
    file = cache / f"{encoder.fingerprint}-{digest}.npy"
    if file.exists():
        known: npt.NDArray[np.float32] = np.load(file)
        return known
    rows = np.zeros((len(texts), encoder.dim), np.float32)
    starts = range(0, len(texts), _AT_ONCE)
    for at in track(starts, f"encoding {len(texts):,} texts", console=console(err=True)):
        rows[at : at + _AT_ONCE] = encoder.embed(texts[at : at + _AT_ONCE], "query" if kind == "query" else "passage")
    cache.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.npy")
    np.save(part, rows)
    part.replace(file)  # at once: another process may look for it
    return rows
