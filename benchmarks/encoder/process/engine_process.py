"""The parent's side of an engine's process: starts it, asks it, ends it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from penchant.errors import Misconfigured
from serving.model.tokens import Ids

ROOT = Path(__file__).parents[3]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class EngineFailed(Misconfigured):
    """An engine's process ended before it answered."""


class EngineProcess:
    """One engine, alone in its process. It computes only while it is asked.

    Started at once; `name` waits until it is loaded, so that several can load side by side.
    """

    def __init__(self, python: Path, arguments: Sequence[str], threads: int) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.encoder.process", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | dict.fromkeys(_THREADS, str(threads)),
        )
        self._name: str | None = None

    @property
    def name(self) -> str:
        """As the table has it. Raises EngineFailed, with what the process said, if it did not load."""
        if self._name is None:
            self._name = str(self._answer()["name"])
        return self._name

    def run(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows."""
        return np.asarray(self._ask({"run": [ids.tolist(), mask.tolist()]})["rows"], np.float32)

    def time(self, ids: Ids, mask: Ids) -> float:
        """Milliseconds of a run, without the way to the process and back."""
        return float(self._ask({"time": [ids.tolist(), mask.tolist()]})["ms"])

    def encode(self, rows: Sequence[Sequence[int]], way: str, pad_id: int) -> float:
        """Seconds for all of these texts, packed into batches in one of `batching.WAYS`."""
        return float(self._ask({"encode": rows, "way": way, "pad_id": pad_id})["seconds"])

    def gflops(self, size: int) -> float:
        """Billions of operations a second in a product of matrices of `size` rows, in this engine's numbers."""
        return float(self._ask({"product": size})["gflops"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        _ = self.name
        pipe = self._process.stdin
        if pipe is None:
            raise EngineFailed("this is a bug: the process has no standard input")
        try:
            pipe.write(json.dumps(request).encode() + b"\n")
            pipe.flush()
        except BrokenPipeError:
            raise self._failed() from None
        return self._answer()

    def _answer(self) -> Mapping[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise self._failed()
        answer: Mapping[str, Any] = json.loads(line)
        return answer

    def _failed(self) -> EngineFailed:
        """With the last line that it wrote to standard error, which names the exception."""
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return EngineFailed(f"its process ended with {self._process.returncode}: {said[-1] if said else 'no word'}")
