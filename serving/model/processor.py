"""What this processor computes fast, and which scheme that makes the best default."""

import functools
import platform
from dataclasses import dataclass
from pathlib import Path

# The instructions that decide how fast numbers of 8 and 16 bits are multiplied, by Linux's names.
_DECIDING = ("amx_bf16", "amx_int8", "avx2", "avx512_bf16", "avx512_vnni", "avx512f", "avx_vnni")
BFLOAT16 = frozenset({"amx_bf16", "avx512_bf16"})  # either multiplies such numbers


@dataclass(frozen=True, slots=True)
class ProcessorClass:
    """Processors that are alike in what decides. has: any of these instructions; none: every processor."""

    name: str
    has: frozenset[str]
    schemes: tuple[str, ...]  # the default model folder's: the first that passes the gate


# The first that fits. Measured on one machine of each kind (docs/models.md, "By processor").
CLASSES = (
    ProcessorClass("bfloat16", BFLOAT16, ("bf16", "int8-weight-only")),
    ProcessorClass("other", frozenset(), ("int8-weight-only",)),
)


def processor_class() -> ProcessorClass:
    """That of the processor that this runs on."""
    return next(each for each in CLASSES if not each.has or each.has & instructions())


@functools.cache
def instructions() -> frozenset[str]:
    """Those of the deciding ones that it has; none where the system does not say."""
    return frozenset(_fields().get("flags", "").split()) & set(_DECIDING)


def describe() -> str:
    """The processor's name and its deciding instructions."""
    name = _fields().get("model name", platform.processor() or platform.machine())
    return f"{name} ({', '.join(sorted(instructions())) or 'none of AVX2, VNNI, bf16, AMX'})"


def _fields() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    lines = (line.split(":", 1) for line in path.read_text(encoding="utf-8").splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in lines}
