"""The targets by name, each a function that makes one, and how much of a run's inputs it gets."""

from dataclasses import dataclass
from importlib import import_module

from tests.fuzz.target import Target


@dataclass(frozen=True, slots=True)
class Entry:
    """maker: module of `tests.fuzz.targets` and function. share: of the inputs, beside the others'."""

    maker: str
    share: float = 1.0

    def make(self) -> Target:
        """Import what it needs and make it: late, so that coverage can be counted in what is imported."""
        module, _, function = self.maker.partition(":")
        target: Target = getattr(import_module(f"tests.fuzz.targets.{module}"), function)()
        return target


TABLE = {
    "events": Entry("decoding:events", 2.0),
    "commands": Entry("decoding:commands"),
    "keys": Entry("decoding:keys"),
    "items": Entry("decoding:items"),
    "transfers": Entry("between:transfers"),
    "covisits": Entry("between:covisits", 0.7),
    "vectors": Entry("between:vectors"),
    "state": Entry("stored:state"),
    "snapshots": Entry("stored:snapshot", 0.5),
    "marks": Entry("stored:marks", 0.5),
    "blend": Entry("stored:blend", 0.5),
    "model": Entry("folders:model", 0.05),
    "rules": Entry("files:rules", 0.5),
    "experiment": Entry("files:experiment", 0.5),
    "weights": Entry("files:weights", 0.5),
    "lines": Entry("tools:lines"),
    "files": Entry("tools:files", 0.5),
    "settings": Entry("tools:settings", 0.5),
    "printed": Entry("tools:printed", 0.5),
    "dead_letters": Entry("tools:dead_letters"),
    "texts": Entry("texts:cleaning"),
    "intent": Entry("texts:intent", 0.4),
    "batches": Entry("batches:batches", 0.5),
    "fold": Entry("folding:fold", 0.15),
}
