"""What is bought again, in a made-up shop whose usual times are known (shop.py), by each value of PENCHANT_SEEN.

python -m benchmarks.repeats --users 200 --days 730 [--json FILE]
"""

from pathlib import Path

import click
import msgspec

from benchmarks.repeats.measured import measure

_TITLES = {
    "error": "median error of when it is listed again",
    "late": "bought before it was",
    "durables_listed": "durables and books on lists that were bought before",
    "like": "of a durable's kind on a list, 60 days after",
    "repeats_hr@10": "HR@10 of what was bought before",
    "firsts_hr@10": "HR@10 of what was not",
}


@click.command(epilog="Example: python -m benchmarks.repeats --json repeats.json")
@click.option("--users", type=click.IntRange(1), default=200, show_default=True)
@click.option("--days", type=click.IntRange(100), default=730, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(users: int, days: int, seed: int, file: Path | None) -> None:
    """Measure lists over the second half of the days."""
    told = measure(users, days, seed)
    click.echo(f"{told.events:,} events, {told.purchases:,} purchases, {told.lists:,} lists")
    by_seen = msgspec.to_builtins(told.seen)
    click.echo(f"{'PENCHANT_SEEN':52}" + "".join(f"{name:>10}" for name in by_seen))
    for key, title in _TITLES.items():
        click.echo(f"{title:52}" + "".join(f"{figures[key]:10}" for figures in by_seen.values()))
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")


if __name__ == "__main__":
    main()
