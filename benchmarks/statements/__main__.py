"""What people write in a shop, and whether the first six are what they asked for, and nothing that they did not want.

    python -m benchmarks.statements [--json FILE] [--failed]

Shops, films and statements were made for it (shop.txt, films.txt, statements.txt). Half of the statements were written
before the rules of words and numbers, half after; the figures of both are told apart. Beside them stand statements in
another language than the items (other_languages.txt).
"""

from pathlib import Path

import click
import msgspec

from benchmarks.statements.counts import Counts, figures_of
from benchmarks.statements.judged import Verdict, judge_all
from benchmarks.statements.shops import in_other_languages, shops, statements
from serving.model.encoder import load_encoder


@click.command(epilog="Example: python -m benchmarks.statements --json statements.json")
@click.option("--model", type=click.Path(path_type=Path), default=Path(".cache/models/default"), show_default=True)
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path(".cache/quality"), help="Where vectors are kept."
)
@click.option("--failed", is_flag=True, help="Print the statements that did not hold, with their lists.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(model: Path, cache: Path, *, failed: bool, file: Path | None) -> None:
    """Measure how many statements hold, by language."""
    said = statements()
    judged = judge_all(shops(), [*said, *in_other_languages()], load_encoder(model, "cpu"), cache)
    verdicts, others = judged[: len(said)], judged[len(said) :]
    figures = figures_of(verdicts, others)
    groups = {"shops": figures.by_language, "films": figures.films, "others": figures.other_languages}
    for name, group in groups.items():
        for language, each in group.items():
            click.echo(f"{name:6} {language:4} {_told(each)}")
    click.echo(f"all         {_told(figures)}")
    for verdict in judged:
        if failed and not verdict.held:
            click.echo(_failed(verdict))
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


def _told(counts: Counts) -> str:
    halves = ", ".join(f"{name} {each.held}/{each.n}" for name, each in counts.halves.items())
    return f"{counts.held}/{counts.n}  ({halves})"


def _failed(verdict: Verdict) -> str:
    said = verdict.statement
    about = f"{said.about} :: " if said.about else ""
    return (
        f"\n{said.half} {said.language} {said.shop}: {about}{said.text}  [{verdict.found} of {verdict.asked}]\n    "
        + " | ".join(verdict.titles)
    )


if __name__ == "__main__":
    main()
