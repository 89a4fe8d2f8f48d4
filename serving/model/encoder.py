"""Texts to centred unit vectors: tokenises, batches, runs the graph, remembers.

Raw rows of e5 lie in a narrow cone (two unrelated texts have cosine .8). A fixed centre, part of the model folder, is
subtracted and the rows are normalised again; these *centred unit vectors* are what is stored, folded and compared.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from serving.arrays import Vectors
from serving.model.artifact import Artifact, TextKind, open_artifact
from serving.model.engines import Engine, Provider
from serving.model.engines.choice import open_engine
from serving.model.tokenizer import TextTokenizer, open_tokenizer
from serving.model.tokens import OnBatch, run_in_batches


class Reader(Protocol):
    """What makes the rows: a graph on an engine, or an endpoint. Safe to call from several threads."""

    @property
    def provider(self) -> str:
        """Where it runs: "cpu", "cuda" or "endpoint"."""
        ...

    @property
    def batch_tokens(self) -> int:
        """How many tokens a batch holds at most."""
        ...

    def rows(self, texts: Sequence[str], on_batch: OnBatch) -> Vectors:
        """(n, d) float32 unit rows, not centred, of texts that have their prefix and are UTF-8. At least one text."""
        ...


class GraphReader:
    """A tokenizer, and an engine that runs the graph."""

    def __init__(self, tokenizer: TextTokenizer, engine: Engine, pad_id: int) -> None:
        self.provider = engine.provider
        self._tokenizer = tokenizer
        self._engine = engine
        self._pad_id = pad_id

    @property
    def batch_tokens(self) -> int:
        """As its engine wants them."""
        return self._engine.packing.tokens

    def rows(self, texts: Sequence[str], on_batch: OnBatch) -> Vectors:
        """See Reader."""
        ids = self._tokenizer.ids(texts)
        return run_in_batches(self._engine.run, ids, self._pad_id, self._engine.packing, on_batch)


class Encoder:
    """A model folder in use. Every method may be called from several threads at once."""

    def __init__(self, artifact: Artifact, reader: Reader, cache_texts: int = 10_000) -> None:
        self.fingerprint = artifact.fingerprint
        self.dim = artifact.dim
        self.max_tokens = artifact.max_tokens
        self.provider = reader.provider
        self.sentiment = artifact.sentiment
        self._artifact = artifact
        self._reader = reader
        self._cache = _Cache(cache_texts)
        self.texts_read = self.texts_cached = 0  # so far, for the metrics

    @property
    def batch_tokens(self) -> int:
        """How many tokens a batch holds at most."""
        return self._reader.batch_tokens

    def embed(self, texts: Sequence[str], kind: TextKind, on_batch: OnBatch = lambda _: None) -> Vectors:
        """(n, d) float32, centred unit rows, in the order given; no text gives (0, d).

        A row is rounded to float16 and read back, once, here: what is stored (in half precision) is then exactly what
        was folded, and a replay that reads stored vectors equals the live run. Its length is 1 within 5e-4.
        An empty text has a vector too, that of the prefix. What is longer than the model reads is cut. `on_batch` is
        told of each batch that was run, on this thread.
        """
        keys = [self._key(text, kind) for text in texts]
        known = self._cache.get(keys)
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        self.texts_read += len(fresh)
        self.texts_cached += len(known)
        if fresh:
            prefixed = [self._artifact.prefixes[kind] + text for text in fresh.values()]
            rows = self._centred(self._raw(prefixed, on_batch), kind)
            made = dict(zip(fresh, rows, strict=True))
            self._cache.put(made)
            known |= made
        if not keys:
            return np.empty((0, self.dim), np.float32)
        return np.stack([known[key] for key in keys]).astype(np.float32)

    def warm_up(self) -> None:
        """Runs a short and a long text past the cache, so that the first event does not pay for first allocations."""
        for text in ("word", "word " * self._artifact.max_tokens):
            self._raw([text])

    def _raw(self, texts: Sequence[str], on_batch: OnBatch = lambda _: None) -> Vectors:
        """The graph's own unit rows, (n, d) float32, of texts that have their prefix."""
        # Half a surrogate pair, which JSON can carry, is not UTF-8 and would be refused: it becomes a question mark.
        clean = [text.encode(errors="replace").decode() for text in texts]
        return self._reader.rows(clean, on_batch)

    def _centred(self, rows: Vectors, kind: TextKind) -> npt.NDArray[np.float16]:
        """Unit rows less the kind's centre, unit again, in half precision."""
        moved = rows - self._artifact.centres[kind]
        # A row that is the centre itself has no direction; it stays near zero rather than turning into NaN.
        moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
        return moved.astype(np.float16)

    def _key(self, text: str, kind: TextKind) -> bytes:
        """128 bits of hash: texts, which may be 32 KB, are not kept."""
        return hashlib.blake2b(
            f"{self.fingerprint}\0{kind}\0{text}".encode(errors="surrogatepass"), digest_size=16
        ).digest()


class _Cache:
    """The vectors of the texts used last, by key, in half precision: about 1 KB a text. Safe for threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: OrderedDict[bytes, npt.NDArray[np.float16]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, npt.NDArray[np.float16]]:
        """Those of the keys that are known, (d,) float16 each; they count as used now."""
        with self._lock:
            known = {key: self._rows[key] for key in keys if key in self._rows}
            for key in known:
                self._rows.move_to_end(key)
        return known

    def put(self, rows: dict[bytes, npt.NDArray[np.float16]]) -> None:
        """Remembers rows and forgets the longest unused ones beyond the size."""
        with self._lock:
            self._rows.update((key, row.copy()) for key, row in rows.items())
            while len(self._rows) > self._size:
                self._rows.popitem(last=False)


def load_encoder(
    path: str | Path, provider: Provider = "auto", *, threads: int = 0, cache_texts: int = 10_000
) -> Encoder:
    """Opens a model folder, checks it whole, and starts one session. One encoder a process: sessions slow each other.

    `threads` 0 takes every core that the process may use; `cache_texts` 0 remembers nothing.
    Raises BrokenArtifact and ProviderMissing, each saying what to do.
    """
    artifact = open_artifact(path)
    return Encoder(artifact, _reader(artifact, provider, threads), cache_texts)


def _reader(artifact: Artifact, provider: Provider, threads: int) -> Reader:
    if artifact.endpoint is None:
        engine = open_engine(artifact, provider, threads)
        tokenizer = open_tokenizer(artifact.tokenizer, artifact.max_tokens)
        return GraphReader(tokenizer, engine, artifact.manifest["pad_id"])
    from serving.connections import Connections
    from serving.model.endpoint import Endpoint, check

    endpoint = Endpoint(artifact.endpoint, Connections().endpoint_key(), artifact.max_tokens, artifact.dim)
    check(endpoint, artifact.probe)
    return endpoint
