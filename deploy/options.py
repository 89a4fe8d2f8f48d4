"""What all commands share: where things are, ids of users and items, missing extras."""

import functools
import importlib.util
import os
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from penchant.errors import Misconfigured
from penchant.fields import MAX_ID_BYTES
from serving.configuration.client_properties import VARIABLE, read_properties
from serving.configuration.setting_errors import options_given, unknown_variables
from serving.terminal.printing import complain

_AGO = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
ENVIRONMENT = {name: f"PENCHANT_{name.upper()}" for name in ("bootstrap", "redis", "prefix", "model")}

_SAY_IT_THEMSELVES = frozenset({"worker", "api"})  # processes that are started without this command line, too

_OPTIONS = (
    click.option("--bootstrap", help="Kafka's bootstrap servers, host:port. [env: PENCHANT_BOOTSTRAP]"),
    click.option(
        "--redis",
        help="The store, redis://host:port/db; an option stands in the process list, so give a password by the "
        "variable or a file. [env: PENCHANT_REDIS, PENCHANT_REDIS_FILE]",
    ),
    click.option("--prefix", help="First part of the topics' and keys' names. [env: PENCHANT_PREFIX]"),
    click.option("--model", type=click.Path(path_type=Path), help="The model folder. [env: PENCHANT_MODEL]"),
)


def broker_named() -> str | None:
    """The broker that the environment names, itself or by a file of Kafka's properties; None: whoever asks has one."""
    named, file = os.environ.get(ENVIRONMENT["bootstrap"]), os.environ.get(VARIABLE)
    return named or (read_properties(Path(file)).values.get("bootstrap") if file else None)


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --bootstrap, --redis, --prefix and --model.

    What is given goes into the environment as PENCHANT_…, from where this process and those that it starts read
    their settings. Settings that are wrong are said in words, and variables that nothing reads.
    """

    @functools.wraps(command)
    def with_environment(*arguments: object, **options: object) -> None:
        given = {name: value for name in ENVIRONMENT if (value := options.pop(name)) is not None}
        for name, value in given.items():
            os.environ[ENVIRONMENT[name]] = str(value)
            os.environ.pop(f"{ENVIRONMENT[name]}_FILE", None)  # also for those that are started from here
        if command.__name__ not in _SAY_IT_THEMSELVES:
            for warning in unknown_variables(os.environ):
                complain(f"penchant: {warning}")
        before = options_given.set(frozenset(given))
        try:
            command(*arguments, **options)
        finally:
            options_given.reset(before)

    for option in reversed(_OPTIONS):
        with_environment = option(with_environment)
    return with_environment


class IdParam(click.ParamType):
    """The id of a user or an item."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it as UTF-8, whatever encoding this shell's locale names. Topics take 1 to 256 bytes."""
        given = os.fsencode(value)
        try:
            text = given.decode()
        except UnicodeDecodeError:
            self.fail(f"{value!r} is not UTF-8: ids are", param, ctx)
        if not 0 < len(given) <= MAX_ID_BYTES:
            self.fail(f"it has {len(given)} bytes: ids have 1 to {MAX_ID_BYTES}", param, ctx)
        return text


class TimeParam(click.ParamType):
    """A time as people write it, turned into milliseconds since 1970."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read `90s`, `30m`, `2h`, `7d` (so long ago) or RFC 3339 with a zone."""
        ago = _AGO.fullmatch(value)
        if ago is not None:
            return round((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1000)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither so long ago (90s, 30m, 2h, 7d) nor an RFC 3339 time", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no zone: append Z or an offset", param, ctx)
        return round(moment.timestamp() * 1000)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def examples(*lines: str) -> str:
    """Make the end of a command's help: its examples, one a line (the backspace tells click not to wrap them)."""
    return "\n".join(["\b", "Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)])


def need(extra: str, *modules: str) -> None:
    """Raise `Misconfigured`, naming the extra to install, unless all modules can be imported."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise Misconfigured(f"this needs {', '.join(missing)}: pip install 'penchant[{extra}]'")
