"""The messages as TypeScript: the file among the examples is what the command prints."""

from pathlib import Path

from click.testing import CliRunner

from deploy.commands.schemas import schemas
from deploy.typescript import type_of

_KEPT = Path(__file__).parents[3] / "examples" / "javascript" / "penchant.d.ts"


def test_the_examples_have_the_messages_as_they_are() -> None:
    """`make docs` writes it anew."""
    assert CliRunner().invoke(schemas, ["--typescript"]).output == _KEPT.read_text()


def test_types_within_types() -> None:
    either = {"anyOf": [{"type": "string"}, {"type": "number"}]}
    assert type_of({"type": "array", "items": either}) == "(string | number)[]"
    assert type_of({"type": "object", "additionalProperties": {"type": "integer"}}) == "Record<string, number>"
    assert type_of({"enum": ["live", "cached"]}) == '"live" | "cached"'
