"""Which model to take: what statements find with each model folder, and what it costs on this processor.

    python -m benchmarks.statements.models .cache/models/default models/minilm

Films are the 1,682 of MovieLens-100K, asked for by genre; shops are those of `benchmarks.statements`. Everybody who
writes is a newcomer; the first six places count. Folders take turns when they are timed.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import msgspec
import numpy as np

from benchmarks import machine
from benchmarks.encoder.turns import take_turns
from benchmarks.statements.judged import FIRST, OpenShop, Verdict, judge_all
from benchmarks.statements.shops import Condition, Shop, Statement, shops, statements
from deploy.demo.films import films
from export.gate.speed import SHAPES, in_step
from penchant.messages import Item
from serving.model.artifact import open_artifact
from serving.model.encoder import load_encoder
from serving.model.engines import Engine
from serving.model.engines.choice import open_engine
from serving.model.tokens import Ids

GENRES = {
    "Sci-Fi": ("science fiction", "科幻片"),
    "Horror": ("horror films", "恐怖片"),
    "War": ("war films", "战争片"),
    "Western": ("westerns", "西部片"),
    "Musical": ("musicals", "歌舞片"),
    "Animation": ("animated films", "动画片"),
    "Documentary": ("documentaries", "纪录片"),
    "Romance": ("romantic films", "爱情片"),
    "Comedy": ("comedies", "喜剧片"),
    "Thriller": ("thrillers", "惊悚片"),
    "Crime": ("crime films", "犯罪片"),
    "Children's": ("films for children", "儿童片"),
    "Adventure": ("adventure films", "冒险片"),
    "Mystery": ("mysteries", "悬疑片"),
    "Action": ("action films", "动作片"),
}
SAID = {"en": ("I like {}", "I am in the mood for {}"), "zh": ("我喜欢看{}", "最近想看{}")}


@click.command(epilog="Example: python -m benchmarks.statements.models .cache/models/default --json models.json")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--wheels", type=click.Path(path_type=Path), default=Path(".cache/wheels"), show_default=True,
              help="Where the films' package is kept.")  # fmt: skip
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path(".cache/quality"), help="Where vectors are kept."
)
@click.option("--seconds", type=click.FloatRange(0), default=40.0, show_default=True, help="Of timing, all folders.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(folders: Sequence[Path], wheels: Path, cache: Path, seconds: float, file: Path | None) -> None:
    """Print a row for each model folder."""
    about = machine.describe()
    catalogue = film_shop([msgspec.convert(film.message(), Item) for film in films(wheels)])
    told = [figures(folder, catalogue, cache) for folder in folders]
    for row, times in zip(told, timed(folders, seconds), strict=True):
        row["ms"] = times
    click.echo(table(told))
    click.echo(f"\n{about['cpu']}, {about['cores']} cores, load {about['load']} before the run.")
    if file is not None:
        file.write_text(json.dumps({**about, "models": told}, ensure_ascii=False) + "\n", encoding="utf-8")


def film_shop(items: list[Item]) -> Shop:
    """Films whose genres are what can be asked for."""
    return Shop(items, {item.item_id: {"genre": list(item.facets["genre"])} for item in items})


def wishes(language: str) -> list[Statement]:
    """Each genre asked for in each of the language's ways."""
    place = list(SAID).index(language)
    return [
        Statement(1, language, "films", said.format(words[place]), Condition((("genre", "=", genre),)), FIRST, ())
        for genre, words in GENRES.items()
        for said in SAID[language]
    ]


def figures(folder: Path, catalogue: Shop, cache: Path) -> dict[str, Any]:
    """What statements find with one folder."""
    encoder, artifact = load_encoder(folder, "cpu"), open_artifact(folder)
    shop = OpenShop(catalogue, encoder, cache)
    found = {language: share(list(map(shop.judge, wishes(language)))) for language in SAID}
    verdicts = judge_all(shops(), statements(), encoder, cache)
    held = {
        language: (sum(each.held for each in some), len(some))
        for language in SAID
        if (some := [each for each in verdicts if each.statement.language == language])
    }
    return {
        "model": artifact.manifest["model"],
        "scheme": artifact.scheme,
        "films": found,
        "held": held,
        "megabytes": round(artifact.model.stat().st_size / 1e6),
    }


def share(verdicts: Sequence[Verdict]) -> float:
    """Of the first six places those with what was asked for, over all statements."""
    return round(sum(each.found for each in verdicts) / (FIRST * len(verdicts)), 3)


def timed(folders: Sequence[Path], seconds: float) -> list[dict[str, float]]:
    """Milliseconds by shape, folder by folder, on tokens that all of them have."""
    from tokenizers import Tokenizer

    artifacts = [open_artifact(folder) for folder in folders]
    engines = {str(n): open_engine(artifact, "cpu") for n, artifact in enumerate(artifacts)}
    vocabulary = min(Tokenizer.from_file(str(artifact.tokenizer)).get_vocab_size() for artifact in artifacts)

    told: list[dict[str, float]] = [{} for _ in folders]
    for shape, size in SHAPES.items():
        ids = np.random.default_rng(20).integers(vocabulary, size=size)
        clocks = {name: partial(warm_ms, engine) for name, engine in engines.items()}
        for n, ms in enumerate(in_step(take_turns(clocks, ids, seconds / len(SHAPES))).values()):
            told[n][shape] = round(ms, 1)
    return told


def warm_ms(engine: Engine, ids: Ids, mask: Ids) -> float:
    """Milliseconds of a run, after another that warmed the caches."""
    engine.run(ids, mask)
    begun = perf_counter()
    engine.run(ids, mask)
    return 1e3 * (perf_counter() - begun)


def table(told: Sequence[dict[str, Any]]) -> str:
    """In Markdown."""
    head = ["model", "scheme", "films, English", "films, Chinese", "statements, English", "statements, Chinese"]
    rows = [
        [
            row["model"],
            row["scheme"],
            *(f"{row['films'][language]:.2f}" for language in SAID),
            *("{} of {}".format(*row["held"][language]) for language in SAID),
            *(f"{row['ms'][shape]:.1f}" for shape in SHAPES),
            f"{row['megabytes']}",
        ]
        for row in told
    ]
    cells = [[*head, *(f"{shape} ms" for shape in SHAPES), "MB"], ["---"] * (len(head) + len(SHAPES) + 1), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


if __name__ == "__main__":
    main()
