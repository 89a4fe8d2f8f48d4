"""An encoder whose arithmetic can be done in the head, and one that fails when it is told to."""

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from serving.model.artifact import Artifact
from serving.model.encoder import Encoder, GraphReader
from serving.model.tokenizer import PlainTokenizer
from serving.model.tokens import Ids, Packing

WORDS = {"[PAD]": 0, "red": 1, "green": 2, "blue": 3, "ask:": 4, "say:": 5}


class Colours:
    """An engine whose row is how often red, green and blue stand in a text, made unit; prefixes count for nothing."""

    provider = "cpu"
    packing = Packing()

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._lock = threading.Lock()

    def run(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        with self._lock:
            self.shapes.append(ids.shape)
        counts = np.stack([((ids == word) & (mask == 1)).sum(axis=1) for word in (1, 2, 3)], axis=1)
        lengths = np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1)
        rows: npt.NDArray[np.float32] = (counts / lengths).astype(np.float32)
        return rows


def colours(engine: Colours, cache_texts: int = 100) -> Encoder:
    tokenizer = Tokenizer(WordLevel(WORDS, unk_token="[PAD]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    artifact = Artifact(
        path=Path("nowhere"),
        fingerprint="rgb-1",
        dim=3,
        max_tokens=8,
        scheme="fp32",
        providers=("cpu",),
        prefixes={"query": "ask: ", "passage": "say: "},
        centres={"query": np.array([0, 0, 0], np.float32), "passage": np.array([1, 0, 0], np.float32)},
        manifest={"pad_id": 0},
    )
    return Encoder(artifact, GraphReader(PlainTokenizer(tokenizer), engine, pad_id=0), cache_texts)


class Troubled(Colours):
    """Raises when `broken`, or when a text says a word of `poison`; waits while `free` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: BaseException | None = None
        self.poison: set[str] = set()
        self.free = threading.Event()
        self.free.set()

    def run(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        rows, free = super().run(ids, mask), self.free
        free.wait()
        if self.broken is not None:
            raise self.broken
        if any((ids == WORDS[word]).any() for word in self.poison):
            raise ValueError("this text cannot be read")
        return rows
