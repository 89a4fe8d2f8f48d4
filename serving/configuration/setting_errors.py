"""Settings that are wrong, in words: which variable, where it was set, what it may be. Never a secret's value."""

import difflib
import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings

from penchant.errors import Misconfigured
from serving.configuration import addresses
from serving.configuration.client_properties import read_properties
from serving.configuration.dotenv import FILE, odd_lines, values_in
from serving.terminal.printable import shown

__all__ = ["options_given", "origin", "raw_value", "unknown_variables", "wrong"]

PREFIX = "PENCHANT_"
# Names of settings that the command line was given, as options.
options_given: ContextVar[frozenset[str]] = ContextVar("options_given", default=frozenset())
_UNITS = {"_ms": "milliseconds", "_s": "seconds", "_hours": "hours", "_days": "days"}
_NUMBERS = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}
_OTHERS = {
    "literal_error": "write one of {expected}",
    "bool_parsing": "write true or false",
    "string_pattern_mismatch": "use 1 to 200 of A-Z a-z 0-9 . _ -",
    "string_too_short": "it has fewer than {min_length} characters",
    "too_short": "it has fewer than {min_length} characters",
}
_CUT = 60  # characters of a value that are quoted


def wrong(error: ValidationError, settings: type[BaseSettings]) -> Misconfigured:
    """Put what pydantic found into words; `settings` tells which of them are secret."""
    fields = settings.model_fields
    told = []
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        field = fields.get(name)
        secret = field is None or not field.repr or "Secret" in str(field.annotation)
        told.append(f"{PREFIX}{name.upper()}{_place(name)}: {_words(name, dict(problem), secret=secret)}")
    return Misconfigured(f"settings are wrong: {'; '.join(told)}")


def origin(name: str, value: str) -> str:
    """In brackets, where an address that does not answer comes from; empty if it is not that of the settings."""
    raw = raw_value(name)
    try:
        given = addresses.servers(raw) if raw is not None and name == "bootstrap" else raw
    except ValueError:
        return ""
    return f" ({whence(name)})" if given in {None, value} else ""


def raw_value(name: str) -> str | None:
    """What stands in the environment, else in `.env`, of a setting; None if it stands in neither."""
    return next(_raw(name), None)


def _raw(name: str) -> Iterator[str]:
    for place in (os.environ, values_in(Path(FILE))):
        yield from (value for key, value in place.items() if key.upper() == PREFIX + name.upper() and value)


def whence(name: str) -> str:
    """Where a setting's value comes from, for a message about it.

    >>> whence("store_prefix")
    'the default, as PENCHANT_STORE_PREFIX is not set'
    """
    variable = PREFIX + name.upper()
    if name in options_given.get():
        return f"from the option --{name.replace('_', '-')}"
    if variable in map(str.upper, os.environ):
        return f"from {variable} in the environment"
    if variable in map(str.upper, values_in(Path(FILE))):
        return f"from {variable} in {FILE}"
    return f"the default, as {variable} is not set"


def standing(name: str) -> int:
    """How high the place stands from where a setting comes: an option 3, the environment 2, `.env` 1, none of them 0.

    >>> standing("store_prefix")
    0
    """
    place = whence(name)
    if place.startswith("from the option"):
        return 3
    return 2 if place.endswith("in the environment") else int(place.endswith(FILE))


def _place(name: str) -> str:
    place = whence(name)
    if place.startswith("from the option"):
        return f" ({place.removeprefix('from ')})"
    return f" (in {FILE})" if place.endswith(FILE) else ""


def _words(name: str, problem: Mapping[str, Any], *, secret: bool) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    should = _should(name, kind, context) or shown(str(problem["msg"]))
    if secret or isinstance(problem["input"], SecretStr):
        return should
    return f"it is {_cut(problem['input'])}: {should}"


def _should(name: str, kind: str, context: Mapping[str, Any]) -> str:
    """What a value should be, by the kind of pydantic's complaint; empty for one that is rare."""
    if kind in _NUMBERS:
        unit = next((f" of {word}, without a unit" for end, word in _UNITS.items() if name.endswith(end)), "")
        return f"write {_NUMBERS[kind]}{unit}"
    if kind in _BOUNDS:
        return f"it must be {_BOUNDS[kind]} {next(iter(context.values())):g}"
    return _OTHERS[kind].format_map(context) if kind in _OTHERS else ""


def _cut(value: object) -> str:
    text = shown(repr(value))
    return text if len(text) <= _CUT else f"{text[:_CUT]}…"


@cache
def _known() -> frozenset[str]:
    """Every variable that some process of Penchant reads."""
    return frozenset(files("serving.configuration").joinpath("variables.txt").read_text(encoding="utf-8").split())


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each PENCHANT_ variable that nothing reads, in the environment and in `.env`; for odd lines."""
    for place, names in (("the environment", list(environment)), (FILE, values_in(Path(FILE)))):
        for name in names:
            if name.upper().startswith(PREFIX) and name.upper() not in _known():
                near = difflib.get_close_matches(name.upper(), _known(), n=1)
                meant = f": is {near[0]} meant?" if near else ": docs/settings.md has those that there are"
                yield f"{shown(name)} in {place} is no setting and changes nothing{meant}"
    if file := raw_value("kafka_config"):
        yield from read_properties(Path(file.strip().strip("\"'"))).ignored
    for line in odd_lines(Path(FILE)):
        yield f"line {line} of {FILE} is no NAME=VALUE and changes nothing"
