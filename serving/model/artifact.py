"""Opens a model folder and checks that it is whole, unaltered and of a format that this release reads.

    model.onnx      token ids and mask to unit rows: pooling and L2 norm are inside
    tokenizer.json  the `tokenizers` library's own file, padding off
    centre.npy      (2, d) float32: what is subtracted from the unit rows of a query and of a passage
    sentiment.npz   how much a text likes what it is about (serving/model/sentiment.py); may be absent
    manifest.json   what this is, the hashes of the others, the fingerprint, the figures of the parity gate

Or, without the first two, a manifest that names an endpoint which makes the rows (serving/model/endpoint.py).
A folder is made by `penchant export`; nothing here writes one.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from penchant.errors import BrokenArtifact
from serving.files.numpy_files import read_floats
from serving.model.external_data import external_file
from serving.model.sentiment import SENTIMENT, Sentiment, read_sentiment
from serving.terminal.printable import shown

FORMAT = 1  # raised when a folder of the new kind cannot be read by the old release
MODEL, TOKENIZER, CENTRE, MANIFEST = "model.onnx", "tokenizer.json", "centre.npy", "manifest.json"
PARTS = (MODEL, TOKENIZER, CENTRE)
REMEDY = "make the folder again with `penchant export`, or copy it again from where it was whole"

TextKind = Literal["query", "passage"]
KINDS: tuple[TextKind, ...] = ("query", "passage")  # the order of the rows of centre.npy


class Probe(NamedTuple):
    """A text whose vector is known: what an engine is tested by. row: (d,) float32, unit.

    ids: (tokens,) int64, of a graph; text: as an endpoint is sent it.
    """

    ids: npt.NDArray[np.int64]
    row: npt.NDArray[np.float32]
    text: str = ""

    def as_json(self) -> dict[str, str]:
        """As the manifest has it: token ids with spaces, the row in half precision and base64."""
        row = base64.b64encode(self.row.astype("<f2").tobytes()).decode()
        return {"ids": " ".join(map(str, self.ids.tolist())), "row": row} | ({"text": self.text} if self.text else {})


@dataclass(frozen=True, slots=True)
class Address:
    """An embeddings endpoint in OpenAI's manner. dimensions: what it is asked for; None: as many as its model has."""

    url: str  # of the service, as in https://api.openai.com/v1
    model: str
    dimensions: int | None = None


@dataclass(frozen=True)
class Artifact:
    """A model folder that was opened and checked."""

    path: Path
    fingerprint: str  # such as e5s-1a2b3c4d: equal exactly where vectors may be compared
    dim: int
    max_tokens: int  # a text's tokens beyond this many, special ones counted, are not read
    scheme: str
    providers: tuple[str, ...]  # "cpu", "cuda": what can run this scheme
    prefixes: Mapping[TextKind, str]
    centres: Mapping[TextKind, npt.NDArray[np.float32]]  # (d,) each
    manifest: Mapping[str, Any]
    sentiment: Sentiment | None = None
    probe: Probe | None = None
    endpoint: Address | None = None  # what makes the rows, in place of a graph

    @property
    def model(self) -> Path:
        """The ONNX graph."""
        return self.path / MODEL

    @property
    def tokenizer(self) -> Path:
        """The tokenizer's file."""
        return self.path / TOKENIZER


def open_artifact(path: str | Path) -> Artifact:
    """Opens a model folder. Reads every byte of it once, to compare hashes (about .4 s for 500 MB).

    Raises BrokenArtifact, naming the file and the remedy, where the folder or a file is missing, a hash or the
    fingerprint differs from the manifest's, or the format is newer than this release.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    _check_hashes(folder, manifest["files"])
    expected = fingerprint(manifest)
    if manifest["fingerprint"] != expected:
        raise BrokenArtifact(
            f"{folder / MANIFEST} says fingerprint {manifest['fingerprint']}, its contents give {expected}: "
            f"the manifest was edited; {REMEDY}"
        )
    return Artifact(
        path=folder,
        fingerprint=expected,
        dim=manifest["dim"],
        max_tokens=manifest["max_tokens"],
        scheme=manifest["scheme"],
        providers=tuple(manifest["providers"]),
        prefixes={kind: manifest["prefixes"][kind] for kind in KINDS},
        centres=_centres(folder / CENTRE, manifest["dim"]),
        manifest=manifest,
        sentiment=_sentiment(folder, manifest),
        probe=_probe(folder, manifest),
        endpoint=Address(**manifest["endpoint"]) if "endpoint" in manifest else None,
    )


def fingerprint(manifest: Mapping[str, Any]) -> str:
    """The short name of everything that determines a vector, after the manifest's `tag`: `e5s-1a2b3c4d`.

    The hash is SHA-256 over the canonical JSON of the parts' hashes, the prefixes and the length limit, cut to
    32 bits: enough to tell the few models of one installation apart. Scheme, source and versions are not in it:
    where they change a vector, they change the graph's own hash. Of an endpoint its model's name and the dimension are
    in it; not its address, which may move.
    """
    determining: dict[str, Any] = {
        "files": {name: manifest["files"][name] for name in parts(manifest)},
        "prefixes": {kind: manifest["prefixes"][kind] for kind in KINDS},
        "max_tokens": manifest["max_tokens"],
    }
    if "endpoint" in manifest:
        determining["endpoint"] = {"model": manifest["endpoint"]["model"], "dim": manifest["dim"]}
    canonical = json.dumps(determining, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{manifest['tag']}-{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"


def parts(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The files that the folder has beside the manifest, but for the head."""
    return (CENTRE,) if "endpoint" in manifest else PARTS


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "tag": str,
    "scheme": str,
    "providers": list,
    "dim": int,
    "max_tokens": int,
    "pad_id": int,
    "prefixes": dict,
    "files": dict,
    "fingerprint": str,
}
_LEAST = {"dim": 1, "max_tokens": 3, "pad_id": 0}  # a text's tokens stand between two special ones
_MOST = 2**31 - 1


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, its fields present and of the right types. Raises BrokenArtifact."""
    if not folder.is_dir():
        raise BrokenArtifact(
            f"there is no model folder at {folder}: make one with `make setup` or `penchant export`, "
            "or name another with --model or PENCHANT_MODEL"
        )
    path = folder / MANIFEST
    try:
        manifest: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BrokenArtifact(f"{path} is missing, so {folder} is not a model folder: {REMEDY}") from None
    except OSError as error:
        raise BrokenArtifact(f"{path} cannot be read ({error}): may this user read it?") from error
    except (ValueError, RecursionError) as error:
        raise BrokenArtifact(f"{path} is not JSON ({error}): {REMEDY}") from error
    if not isinstance(manifest, dict) or not isinstance(version := manifest.get("format"), int):
        raise BrokenArtifact(f"{path} has no format number: {REMEDY}")
    if version > FORMAT:
        raise BrokenArtifact(
            f"{path} is of format {version}, this release reads up to {FORMAT}: "
            "upgrade penchant, or export the model again with this release"
        )
    wrong = [*_wrong(manifest)]
    if wrong:
        raise BrokenArtifact(f"{path} lacks {', '.join(wrong)} or has them with a wrong type: {REMEDY}")
    return manifest


def _wrong(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The fields that are missing, of a wrong type, or numbers that cannot be."""
    for name, kind in _REQUIRED.items():
        found = manifest.get(name)
        if not isinstance(found, kind) or isinstance(found, bool) or (isinstance(found, str) and not _is_text(found)):
            yield name
        elif name in _LEAST and not _LEAST[name] <= manifest[name] <= _MOST:
            yield f"{name} ({found})"
        elif name == "providers" and not all(map(_is_text, manifest[name])):
            yield name
    if "endpoint" in manifest and not _is_address(manifest["endpoint"]):
        yield "endpoint"
    for table, names in (("prefixes", KINDS), ("files", parts(manifest))):
        inside = manifest.get(table)
        if isinstance(inside, dict):
            further = [name for name in inside if name not in names]
            yield from (f"{table}.{name}" for name in [*names, *further] if not _is_text(inside.get(name)))


def _is_address(given: object) -> bool:
    if not isinstance(given, dict) or not {"url", "model"} <= given.keys() <= {"url", "model", "dimensions"}:
        return False
    dimensions = given.get("dimensions")
    return all(_is_text(given[name]) for name in ("url", "model")) and (
        dimensions is None or (isinstance(dimensions, int) and 0 < dimensions <= _MOST)
    )


def _is_text(value: object) -> bool:
    """Whether it is a text that can be written: no half of a character."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_hashes(folder: Path, hashes: Mapping[str, str]) -> None:
    """Every part is there and has the manifest's hash, and so has the head, if the manifest names one."""
    for name in sorted(hashes.keys() & {*PARTS, SENTIMENT}):
        path = folder / name
        if not path.is_file():
            raise BrokenArtifact(f"{path} is missing: {REMEDY}")
        found = file_hash(path)
        if found != hashes[name]:
            raise BrokenArtifact(
                f"{path} was altered or cut short: its SHA-256 is {found[:12]}…, "
                f"the manifest says {hashes[name][:12]}…; {REMEDY}"
            )
        if name == MODEL and (beside := external_file(path)) is not None:
            raise BrokenArtifact(
                f"{path} keeps weights in another file ({shown(beside)}), which no hash vouches for: "
                "write the graph as one file"
            )


def _sentiment(folder: Path, manifest: Mapping[str, Any]) -> Sentiment | None:
    """The head that the manifest names, if it names one."""
    if SENTIMENT not in manifest["files"]:
        return None
    return read_sentiment(folder / SENTIMENT, manifest["fingerprint"], manifest["dim"])


def _probe(folder: Path, manifest: Mapping[str, Any]) -> Probe | None:
    """The known text, if the manifest has one."""
    told = manifest.get("probe")
    if told is None:
        return None
    try:
        ids = np.array([int(word) for word in told["ids"].split()], np.int64)
        text = str(told.get("text", ""))
        row = np.frombuffer(base64.b64decode(told["row"], validate=True), "<f2").astype(np.float32)
    except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as error:
        raise BrokenArtifact(f"{folder / MANIFEST} has a probe that cannot be read ({error!r}): {REMEDY}") from error
    if (
        row.shape != (manifest["dim"],)
        or len(ids) > manifest["max_tokens"]
        or bool(len(ids)) == ("endpoint" in manifest)
    ):
        raise BrokenArtifact(f"{folder / MANIFEST} has a probe of another model: {REMEDY}")
    return Probe(ids, row, text)


def _centres(path: Path, dim: int) -> dict[TextKind, npt.NDArray[np.float32]]:
    """The rows of centre.npy by kind of text, (d,) float32 each."""
    try:
        with path.open("rb") as file:
            rows = read_floats(file, (len(KINDS), dim))
    except ValueError as error:
        raise BrokenArtifact(f"{path} {error}: {REMEDY}") from error
    return dict(zip(KINDS, rows, strict=True))
