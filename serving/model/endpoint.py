"""Rows from an embeddings endpoint in OpenAI's manner: `POST {url}/embeddings`, many texts a request.

It is held to what an engine is held to: what it does not answer within the encoder's budget waits with its user, and
the circuit breaker leaves it alone after a failure (stream/encoder). What it asks to wait (429, `Retry-After`) it is
given. The key stands in a header and nowhere else.
"""

import http.client
import json
import logging
import math
import threading
import time
import weakref
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from time import monotonic, perf_counter
from typing import Any, NoReturn
from urllib.parse import urlsplit

import numpy as np
from pydantic import SecretStr

from penchant.errors import FingerprintMismatch, Misconfigured, Refused, Unavailable
from serving.arrays import Vectors
from serving.model.artifact import Address, Probe
from serving.model.tokens import BUDGET, BatchRun, OnBatch

_log = logging.getLogger(__name__)

_TEXTS = 32  # a request; text-embeddings-inference takes no more unless it is told to
_TIMEOUT_S = 4.5  # less than what counts as hung: the thread comes back
_MOST_BYTES = 64 << 20  # of an answer
_LONGEST_WAIT_S = 3600.0
_TOLERANCE = 1e-2  # of a component: services answer the same text a little differently from time to time
_BYTES_A_TOKEN = 3  # fewer than a tokenizer makes of text in any language: what is cut so is not refused as too long
_KEY = "PENCHANT_EMBEDDINGS_KEY or PENCHANT_EMBEDDINGS_KEY_FILE"


class Endpoint:
    """One connection, which stays open; several threads take it in turn. dim: of its vectors; 0: not known yet."""

    provider = "endpoint"
    batch_tokens = BUDGET

    def __init__(
        self, address: Address, key: SecretStr | None, max_tokens: int, dim: int = 0, timeout_s: float = _TIMEOUT_S
    ) -> None:
        """Raises Misconfigured where the address is none."""
        self.address = address
        self._key = key
        self._max_tokens = max_tokens
        self._dim = dim
        self._path, self._connection = _connect(address.url, timeout_s)
        weakref.finalize(self, self._connection.close)
        self._not_before_s = -math.inf
        self._lock = threading.Lock()

    @property
    def wait_s(self) -> float:
        """How long it has asked not to be asked."""
        return max(0.0, self._not_before_s - monotonic())

    def rows(self, texts: Sequence[str], on_batch: OnBatch) -> Vectors:
        """(n, d) float32 unit rows, in the order given. What is longer than a model's limit is cut before it is sent.

        Raises Unavailable where it does not answer, Refused where it asks to wait, Misconfigured where asking again
        would not help: a key that it refuses, another dimension.
        """
        made = []
        for begin in range(0, len(texts), _TEXTS):
            part = [cut(text, self._max_tokens) for text in texts[begin : begin + _TEXTS]]
            begun = perf_counter()
            with self._lock:
                made.append(self._embed(part))
            tokens = sum(1 + len(text.encode()) // _BYTES_A_TOKEN for text in part)
            on_batch(BatchRun(perf_counter() - begun, tokens, tokens))
        return np.concatenate(made)

    def _embed(self, texts: list[str]) -> Vectors:
        if self.wait_s:
            raise Refused(f"{self.address.url} has asked to wait {self.wait_s:.0f} s more")
        asked: dict[str, Any] = {"model": self.address.model, "input": texts, "encoding_format": "float"}
        if self.address.dimensions is not None:
            asked["dimensions"] = self.address.dimensions
        status, wait, answer = self._post(json.dumps(asked).encode())
        if status != http.client.OK:
            self._fail(status, wait, answer)
        rows = _rows(answer, len(texts), self.address.url)
        if self._dim and rows.shape[1] != self._dim:
            raise Misconfigured(
                f"{self.address.url} gives vectors of {rows.shape[1]} numbers, the model folder has {self._dim}: it "
                "serves another model, or another dimension; export a folder for it"
            )
        return rows

    def _post(self, body: bytes) -> tuple[int, str, bytes]:
        """Status, Retry-After and body of the answer. A connection that was closed meanwhile is opened once more."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        for is_last in (self._connection.sock is None, True):
            try:
                self._connection.request("POST", self._path, body, headers)
                answer = self._connection.getresponse()
                return answer.status, answer.headers.get("Retry-After", ""), answer.read(_MOST_BYTES)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if is_last or isinstance(error, TimeoutError):
                    raise Unavailable(
                        f"{self.address.url} does not answer ({str(error) or type(error).__name__})"
                    ) from None
        raise AssertionError("this is a bug: the last try returns or raises")

    def _fail(self, status: int, wait: str, answer: bytes) -> NoReturn:
        url = self.address.url
        if status in {http.client.UNAUTHORIZED, http.client.FORBIDDEN}:  # its words may hold parts of the key
            known = f"the key in {_KEY}" if self._key is not None else f"a request without a key: set {_KEY}"
            raise Misconfigured(f"{url} refuses {known} ({status})")
        said = self._without_key(_words(answer))
        if status == http.client.TOO_MANY_REQUESTS or (status == http.client.SERVICE_UNAVAILABLE and wait):
            self._not_before_s = monotonic() + _seconds(wait)
            raise Refused(f"{url} asks to wait {self.wait_s:.0f} s ({status}): {said}")
        if status >= http.client.INTERNAL_SERVER_ERROR or status == http.client.REQUEST_TIMEOUT:
            raise Unavailable(f"{url} has failed ({status}): {said}")
        raise Misconfigured(f"{url} does not take this request for {self.address.model} ({status}): {said}")

    def _without_key(self, words: str) -> str:
        key = self._key.get_secret_value() if self._key is not None else ""
        return words.replace(key, "…") if key else words


def check(endpoint: Endpoint, probe: Probe | None) -> None:
    """Ask for a known text's row, at start. One that does not answer now may do so later, and is only told of.

    Raises Misconfigured where it will never do, and FingerprintMismatch where another model answers.
    """
    if probe is None:
        return
    try:
        (row,) = endpoint.rows([probe.text], lambda _: None)
    except Unavailable as error:
        _log.warning("%s; texts wait until it answers", error, extra={"action": "encoder_endpoint_out"})
        return
    off = float(np.abs(row - probe.row).max())
    if not off <= _TOLERANCE:
        raise FingerprintMismatch(
            f"{endpoint.address.url} gives a known text another vector than when the model folder was made (off by "
            f"{off:.2g} in a component): another model answers under the name {endpoint.address.model}; export again"
        )


def cut(text: str, max_tokens: int) -> str:
    """A text's beginning, of no more tokens than this.

    >>> cut("我喜欢看电影", 4), cut("short", 4)
    ('我喜欢看', 'short')
    """
    return text.encode()[: _BYTES_A_TOKEN * max_tokens].decode(errors="ignore")


def _connect(url: str, timeout_s: float) -> tuple[str, http.client.HTTPConnection]:
    """The path of its embeddings, and a connection that opens when it is used."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise Misconfigured("an embeddings endpoint is written as in https://api.openai.com/v1")
    if parts.username is not None or parts.password is not None:
        raise Misconfigured(f"the address of an embeddings endpoint holds no key: put it into {_KEY}")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = parts.path.rstrip("/")
    return path if path.endswith("/embeddings") else f"{path}/embeddings", kind(host, port, timeout=timeout_s)


def _rows(answer: bytes, count: int, url: str) -> Vectors:
    """The unit rows of an answer, by the places that it gives them. Raises Unavailable for one that is none."""
    try:
        by_place = {int(each["index"]): each["embedding"] for each in json.loads(answer)["data"]}
        rows = np.array([by_place[place] for place in range(count)], np.float32)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        rows = np.empty(0, np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    if rows.ndim != 2 or not np.isfinite(lengths).all() or not lengths.all():
        raise Unavailable(f"{url} answers with something else than {count} embeddings")
    made: Vectors = rows / lengths
    return made


def _words(answer: bytes) -> str:
    """What an error's body says, in one line: OpenAI's `error.message`, or the body's beginning."""
    text = answer.decode(errors="replace")
    try:
        told = json.loads(text)
        error = told.get("error", told) if isinstance(told, dict) else told
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, RecursionError):
        pass
    return " ".join(text.split())[:200] or "no word"


def _seconds(wait: str) -> float:
    """Of a Retry-After: a number of seconds or a date; a second where it is neither."""
    try:
        seconds = float(wait) if wait.strip().isdecimal() else parsedate_to_datetime(wait).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        seconds = 1.0
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)
