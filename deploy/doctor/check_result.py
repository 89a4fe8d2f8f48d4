"""What a check of `penchant doctor` found."""

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ()

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's outcome; `figures` stand beside the rest in the JSON."""

    ok: bool
    found: str
    do: str = NOTHING
    figures: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Flatten to JSON values."""
        told = asdict(self)
        return {**told.pop("figures"), **told}
