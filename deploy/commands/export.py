"""`penchant export`: makes the model folder."""

import os
import sys
from pathlib import Path

import click

from deploy.options import connection_options, need

_HELP = frozenset({"-h", "--help"})
_OWN_ENVIRONMENT = Path(".cache/export-venv/bin/python")  # where `make export-venv` puts torch, away from the worker's


@click.command(
    add_help_option=False,  # --help is answered by the exporter, whose options these are
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@connection_options
@click.pass_context
def export(context: click.Context) -> None:
    """Make the model folder that workers load, measure what quantising costs, teach it to tell praise from blame."""
    arguments = [*context.args]
    model = os.environ.get("PENCHANT_MODEL")
    sentiment = arguments[:1] == ["sentiment"]
    target = "--model" if sentiment else "--out"
    if model and not {"table", "fetch", target, *_HELP} & set(arguments):
        arguments += [target, model]
    if sentiment:
        need("worker", "tokenizers")
        need("cpu", "onnxruntime")
    elif not _HELP & set(arguments):
        need("model", "onnx", "sentencepiece", "tokenizers")
        need("cpu", "onnxruntime")
    from export.__main__ import main
    from export.sources import TorchMissing

    try:
        main.main(args=arguments or ["--help"], prog_name="penchant export")
    except TorchMissing:
        _move_to_own_environment(arguments)
        raise


def _move_to_own_environment(arguments: list[str]) -> None:
    """Become the exporter of the checkout's own environment, if there is one: it has torch."""
    if not _OWN_ENVIRONMENT.exists():
        return
    python = str(_OWN_ENVIRONMENT.absolute())  # not resolved: the link is what makes it an environment
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    os.environ["PYTHONPATH"] = path.rstrip(os.pathsep)
    sys.stdout.flush()
    os.execv(python, [python, "-m", "export", *arguments])  # noqa: S606 - a list, no shell
