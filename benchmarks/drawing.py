"""Whether plots can be drawn here: matplotlib is an extra of its own, as large as all else of the benchmarks."""

import importlib.util

import click

__all__ = ["check_drawing"]


def check_drawing() -> None:
    """Raise ClickException, with what to do, if matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException(
            "plots need matplotlib, which make setup leaves out: .venv/bin/pip install -c constraints.txt -e '.[plots]'"
        )
