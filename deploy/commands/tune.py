"""`penchant tune`: settings of the ranking, chosen on a log of one's own and evaluated on a held-out part."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.options import connection_options, examples, json_option, need
from serving.terminal.printing import console, print_json, say

if TYPE_CHECKING:
    from evaluation.tuning.tune import Tuned

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    epilog=examples(
        "penchant tune --items items.jsonl.gz --events events.jsonl.gz --positive 'rating>=4'",
        "penchant tune --items items.jsonl.gz --events events.jsonl.gz --write tuned.toml",
    )
)
@click.option("--items", "items_file", type=_FILE, required=True, help="Lines with item, title, text, genres, …")
@click.option("--events", "events_file", type=_FILE, required=True, help="Lines with ts, user, item, rating or type, …")
@click.option("--positive", metavar="RULE", help="FIELD=VALUE[,VALUE] or FIELD>=NUMBER; default: every event.")
@click.option("--repeats", is_flag=True, help="What a user had before may be listed again, as in shops.")
@click.option("--limit", type=click.IntRange(1), default=100_000, show_default=True, help="Only the newest events.")
@click.option("--most", type=click.IntRange(1), default=5_000, show_default=True, help="Events looked for in a part.")
@click.option("--write", "file", type=click.Path(path_type=Path), help="Write an experiment, if something is better.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache/quality"), help="Of encoded items.")
@json_option
@connection_options
def tune(as_json: bool, file: Path | None, **options: Any) -> None:
    """Find half-life and weights of the ranking that suit your own events, and say whether they are worth it.

    The events are played in the order of their time, each looked for in the list before it, by the code that workers
    run. The first quarter is only learned, settings are chosen on the half after it, and judged on the last quarter,
    which no trial has seen: they are better if the whole 95 % interval of the difference of NDCG@10 is above zero.
    If it is not, the default is as good, and this says so. What the ranking learns by itself needs no tuning.
    """
    need("worker", "tokenizers")
    need("cpu", "onnxruntime")
    import msgspec

    from evaluation.tuning.comparison import BETTER
    from evaluation.tuning.tuned_settings import experiment_of, print_tuned

    tuned = _tune(**options)
    experiment = experiment_of(tuned.changed) if tuned.verdict == BETTER else ""
    if file is not None and experiment:
        file.write_text(experiment, encoding="utf-8")
    if as_json:
        print_json(msgspec.to_builtins(tuned) | {"written": str(file) if file is not None and experiment else None})
        return
    print_tuned(tuned)
    if file is not None:
        say(f"PENCHANT_EXPERIMENT={file} tries it on half of your users" if experiment else "nothing was written")


def _tune(
    items_file: Path, events_file: Path, *, positive: str | None, repeats: bool, limit: int, most: int, cache: Path
) -> "Tuned":
    from rich.progress import Progress

    from evaluation.prequential.cached_vectors import catalogue_of
    from evaluation.prequential.data_sets import read_events, read_items, rows_of
    from evaluation.prequential.positives import positive_by
    from evaluation.tuning.play import TuningLog
    from evaluation.tuning.tune import check, plays, tune
    from serving.connections import Connections
    from serving.model.encoder import load_encoder
    from stream.events.weights import load_weights

    items = read_items(items_file)
    read = read_events(events_file, rows_of(items), positive_by(positive), load_weights(), seed=0)
    log = TuningLog(items, read.events[-limit:], repeats, most)
    check(log)
    catalogue = catalogue_of(items, load_encoder(Connections().model), cache)
    with Progress(console=console(err=True)) as progress:
        task = progress.add_task("playing", total=plays(log))
        tuned = tune(log, catalogue, lambda: progress.advance(task))
        progress.update(task, completed=plays(log))
    return tuned
