"""What all commands share: where things are, missing extras, output for people and for programs."""

import functools
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from serving.errors import Misconfigured

ENVIRONMENT = {name: f"PENCHANT_{name.upper()}" for name in ("bootstrap", "redis", "prefix", "model")}

_OPTIONS = (
    click.option("--bootstrap", help="Kafka's bootstrap servers, host:port. [env: PENCHANT_BOOTSTRAP]"),
    click.option("--redis", help="The store, redis://host:port/db. [env: PENCHANT_REDIS]"),
    click.option("--prefix", help="First part of the topics' and keys' names. [env: PENCHANT_PREFIX]"),
    click.option("--model", type=click.Path(path_type=Path), help="The model folder. [env: PENCHANT_MODEL]"),
)


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --bootstrap, --redis, --prefix and --model.

    What is given goes into the environment as PENCHANT_…, from where this process and those that it starts read
    their settings.
    """

    @functools.wraps(command)
    def with_environment(*arguments: object, **options: object) -> None:
        for name, variable in ENVIRONMENT.items():
            value = options.pop(name)
            if value is not None:
                os.environ[variable] = str(value)
        command(*arguments, **options)

    for option in reversed(_OPTIONS):
        with_environment = option(with_environment)
    return with_environment


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def examples(*lines: str) -> str:
    """Make the end of a command's help: its examples, one a line (the backspace tells click not to wrap them)."""
    return "\n".join(["\b", "Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)])


def need(extra: str, *modules: str) -> None:
    """Raise `Misconfigured`, naming the extra to install, unless all modules can be imported."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise Misconfigured(f"this needs {', '.join(missing)}: pip install 'penchant[{extra}]'")


def print_json(value: object) -> None:
    """Print one line of JSON, at once."""
    click.echo(json.dumps(value, ensure_ascii=False))
    sys.stdout.flush()
