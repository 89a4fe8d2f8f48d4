"""A small embeddings endpoint over HTTP: the vectors of the tiny test encoder, and failures when it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from serving.model.artifact import CENTRE, FORMAT, MANIFEST, MODEL, TOKENIZER, Probe, file_hash, fingerprint
from serving.model.encoder import GraphReader
from serving.model.engines.onnx_runtime import OnnxRuntime
from serving.model.tokenizer import PlainTokenizer
from tests.support.tiny_encoder import WIDTH, write_tiny_folder

KEY = "sk-tests-are-open-4711"


@dataclass
class Service:
    """What it answers, and what it was asked. trouble: status, headers and body of the next answers, one each."""

    reader: GraphReader
    url: str = ""
    key: str | None = None
    scale: float = 1.0
    leaning: float = 0.0  # by how much a row leans with the number of texts beside it
    asked: list[dict[str, Any]] = field(default_factory=list)
    trouble: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    def answer(self, told: dict[str, Any]) -> bytes:
        """The embeddings, last one first, as their places say."""
        texts = told["input"]
        rows = self.scale * self.reader.rows(texts, lambda _: None) + self.leaning * np.float32(len(texts) > 1)
        rows = rows[:, : told.get("dimensions")]
        data = [{"object": "embedding", "index": n, "embedding": row.tolist()} for n, row in enumerate(rows)]
        return json.dumps({"object": "list", "data": data[::-1], "model": told["model"]}).encode()


@contextmanager
def service(folder: Path, key: str | None = KEY) -> Iterator[Service]:
    """One that runs. `folder`: takes the tiny model."""
    tiny = write_tiny_folder(folder / "behind")
    tokenizer = PlainTokenizer(Tokenizer.from_file(str(tiny / TOKENIZER)))
    made = Service(GraphReader(tokenizer, OnnxRuntime(tiny / MODEL), 1), key=key)
    made.free.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.asked.append(told)
            made.free.wait()
            status, headers, body = 200, dict[str, str](), b""
            if made.trouble:
                status, headers, body = made.trouble.pop(0)
            elif self.path != "/v1/embeddings":
                status = 404
            elif made.key is not None and self.headers["Authorization"] != f"Bearer {made.key}":
                status, body = 401, f"wrong key {self.headers['Authorization']}".encode()
            self._send(status, headers, body or made.answer(told))

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing: tests look at what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.free.set()
    server.shutdown()
    server.server_close()


def write_endpoint_folder(path: Path, served: Service, **changes: Any) -> Path:
    """A folder that names the endpoint, as an export leaves it."""
    path.mkdir()
    np.save(path / CENTRE, np.zeros((2, WIDTH), np.float32))
    known = served.reader.rows(["red film"], lambda _: None)[0]
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "model": "tiny",
        "tag": "tiny",
        "endpoint": {"url": served.url, "model": "tiny"},
        "scheme": "endpoint",
        "providers": ["endpoint"],
        "dim": WIDTH,
        "max_tokens": 64,
        "pad_id": 0,
        "prefixes": {"query": "", "passage": ""},
        "probe": Probe(np.empty(0, np.int64), known, "red film").as_json(),
        "files": {CENTRE: file_hash(path / CENTRE)},
    } | changes
    manifest["fingerprint"] = fingerprint(manifest)
    (path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return path
