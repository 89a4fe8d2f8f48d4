"""`penchant experiment`: what a file of variants says, and what the workers have counted by them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from deploy.options import IdParam, connection_options, examples, json_option, need
from serving.terminal.printing import console, print_json, say, theirs

if TYPE_CHECKING:
    from deploy.experiment.experiment_report import VariantResult

__all__ = ["experiment"]


@click.command(
    epilog=examples(
        "penchant experiment varied.toml",
        "penchant experiment varied.toml --worker http://127.0.0.1:9400 --worker http://127.0.0.1:9401",
        "penchant experiment varied.toml --user u1",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--worker", "workers", multiple=True, metavar="URL", help="A worker's health address; several times.")
@click.option("--user", type=IdParam(), help="Say whose variant USER has, and nothing else.")
@json_option
@connection_options
def experiment(file: Path, workers: tuple[str, ...], user: str | None, as_json: bool) -> None:
    """Check the experiment in FILE; with --worker, show the hit rates at 10 of its variants, and whether they differ.

    Intervals are of 95 % and count users, not events. Decide beforehand how long to run: who looks every day and
    stops at the first difference finds one that is not there. Ends with 78 if FILE is wrong.
    """
    need("worker", "prometheus_client")
    from deploy.experiment.experiment_report import added, variant_results
    from deploy.experiment.metrics_scraper import scrape, tallies
    from serving.experiment import read

    found = read(file)
    if user is not None:
        variant = found.of(user).name
        print_json({"user_id": user, "variant": variant}) if as_json else say(variant)
        return
    counted = added([tallies(scrape(url), found.name) for url in workers])
    told = variant_results(found, counted)
    if as_json:
        print_json({"experiment": found.name, "workers": len(workers), "variants": [_row(each) for each in told]})
    elif workers:
        print_counted(found.name, told, len(workers))
    else:
        print_file(found.name, told)


def _row(result: "VariantResult") -> dict[str, object]:
    tally = result.tally
    return {
        "variant": result.variant,
        "share": result.share,
        "settings": dict(result.settings),
        "trials": round(tally.trials),
        "hits": round(tally.hits),
        "effective_trials": round(tally.effective, 1),
        "hr@10": tally.rate,
        "interval": result.interval,
        "difference_to_first": result.difference,
        "verdict": result.verdict,
    }


def print_file(name: str, told: "list[VariantResult]") -> None:
    table = _table(f"experiment {name}", "variant", "share", "settings")
    for each in told:
        settings = "\n".join(f"{setting} = {value:g}" for setting, value in each.settings.items())
        table.add_row(theirs(each.variant), f"{each.share:.0%}", settings or "as usual")
    console(wide=True).print(table)


def print_counted(name: str, told: "list[VariantResult]", workers: int) -> None:
    title = f"experiment {name}, counted by {workers} worker{'s' * (workers > 1)}"
    table = _table(title, "variant", "trials", "hit rate at 10", "95 % interval", "less the first's", "")
    for each in told:
        tally, apart = each.tally, each.difference
        rate, interval = f"{tally.rate:.4f}", f"{each.interval[0]:.4f} to {each.interval[1]:.4f}"
        row = [rate, interval, "" if apart is None else f"{apart[0]:+.4f} to {apart[1]:+.4f}", each.verdict]
        table.add_row(theirs(each.variant), f"{tally.trials:,.0f}", *(row if tally.trials else []))
    console(wide=True).print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=theirs(title), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
