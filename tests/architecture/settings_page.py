"""`make docs`: docs/settings.md and serving/configuration/variables.txt, made from the settings' own words."""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from serving.api.settings import ApiSettings
from serving.connections import Connections
from serving.kafka.kafka_settings import KafkaSettings
from serving.redis.store_settings import StoreSettings
from stream.settings import WorkerSettings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
NAMES = (
    Path(__file__).parents[2] / "serving" / "configuration" / "variables.txt"
)  # for "is … meant?", in installs without the worker

# What each class adds to the one that it is built on, under the heading of who reads it.
CLASSES: dict[str, type[BaseSettings]] = {
    "Every process, to reach Kafka": KafkaSettings,
    "Every process, to reach Redis within TLS": StoreSettings,
    "Every process": Connections,
    "The worker: `penchant worker`": WorkerSettings,
    "The API: `penchant api`": ApiSettings,
}

# Read from the environment alone, before settings are.
EARLY = {
    "PENCHANT_LOG_LEVEL": ("INFO", "DEBUG, INFO, WARNING, ERROR", "What the worker writes to standard error."),
}

HEAD = """\
# Settings

Each is read once, at start: from the environment, else from a line in the file `.env` of the working directory, else
it is the default. What is wrong is said at start, with exit code 78. `--bootstrap`, `--redis`, `--prefix` and
`--model` of the commands stand above all of them.

This page is made from the settings' own descriptions: change those, then `make docs`.
"""
COLUMNS = ("variable", "default", "values", "what it does")
BOUNDS = ((annotated_types.Gt, "gt", ">", ""), (annotated_types.Ge, "ge", "≥", ""), (annotated_types.Lt, "lt", "<", ""),
          (annotated_types.Le, "le", "≤", ""), (annotated_types.MinLen, "min_length", "≥", " characters"))  # fmt: skip
KINDS = {int: "whole number", float: "number", bool: "true, false", str: "text", SecretStr: "secret", Path: "path"}


def variable(settings: type[BaseSettings], name: str) -> str:
    """The environment variable of a field."""
    return f"{settings.model_config.get('env_prefix', '')}{name}".upper()


def own_fields(settings: type[BaseSettings]) -> dict[str, FieldInfo]:
    """Fields of this class that its base does not have."""
    (base,) = settings.__bases__
    inherited = base.model_fields if issubclass(base, BaseSettings) else {}
    return {name: field for name, field in settings.model_fields.items() if name not in inherited}


def values(field: FieldInfo) -> str:
    """What a field may be: its choices, or its kind and bounds.

    >>> values(FieldInfo.from_annotated_attribute(Literal["en", "zh"], "en"))
    'en, zh'
    >>> values(FieldInfo.from_annotation(SecretStr | None)), values(FieldInfo.from_annotation(Path | None))
    ('secret', 'path')
    """
    kind = required(field.annotation)
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    bounds = [f"{sign} {getattr(held, side):g}{unit}" for held in field.metadata for cls, side, sign, unit in BOUNDS
              if isinstance(held, cls)]  # fmt: skip
    return " ".join([KINDS[kind], ", ".join(bounds)]).strip()


def required(annotation: Any) -> Any:
    """The type of a setting, of an optional one too."""
    if get_origin(annotation) not in {UnionType, Union}:
        return annotation
    (kind,) = (each for each in get_args(annotation) if each is not NoneType)
    return kind


def shown(default: Any) -> str:
    """A default as one would write it into the environment; a dash for none."""
    if default is None:
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def page() -> str:
    """The whole page, Markdown."""
    parts = [HEAD]
    for heading, settings in CLASSES.items():
        rows = [
            (f"`{variable(settings, name)}`", shown(field.default), values(field), field.description or "")
            for name, field in own_fields(settings).items()
        ]
        parts += [f"## {heading}\n", *table(rows)]
    rows = [(f"`{name}`", f"`{default}`", choices, what) for name, (default, choices, what) in EARLY.items()]
    parts += ["## From the environment alone\n", *table(rows)]
    return "\n".join(parts)


def names() -> str:
    """Every variable that is read, one a line; and those of compose.yaml and of the tests."""
    of_settings = {variable(settings, name) for settings in CLASSES.values() for name in own_fields(settings)}
    others = {"PENCHANT_EXPORT_PYTHON", "PENCHANT_PARTITIONS", "PENCHANT_TEST_KAFKA"}
    return "".join(f"{name}\n" for name in sorted(of_settings | set(EARLY) | others))


def table(rows: list[tuple[str, str, str, str]], columns: tuple[str, str, str, str] = COLUMNS) -> Iterator[str]:
    """The rows of a Markdown table, and an empty line."""
    for row in (columns, ("---",) * len(columns), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    NAMES.write_text(names(), encoding="utf-8")
