"""Variants of the settings that lists are ranked by, and who gets which: a file decides, and a hash of the user's id.

    name = "varied-lists"

    [[variant]]
    name = "as-it-is"
    share = 0.5

    [[variant]]
    name = "varied"
    share = 0.5
    settings = { variety = 0.2, statement_damping = 0.5 }

Settings are the numbers among those of `RankSettings`; what a variant leaves out is as the worker has it. A user stays
with a variant as long as the experiment's name and its shares stand; under another name users are assigned again. One
variant of share 1 is a file of settings for everybody.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path

import msgspec

from penchant.errors import Misconfigured
from serving.files import toml_files as edited
from serving.ranking.rank_settings import RankSettings

__all__ = ["Experiment", "read"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SHARES = ("ring_decay", "override", "said_decay", "statement_damping", "variety")
_MOST = dict.fromkeys(_SHARES, 1.0) | {"explore": 0.25, "fatigue_hours": 8760.0}
_MOST_POINTS = 1000.0  # lists' scores lie about 1 to 10 apart


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """share: of the users, in (0, 1]. settings: what differs from the worker's own."""

    name: str
    share: float
    settings: dict[str, float] = {}

    def ranking(self, usual: RankSettings) -> RankSettings:
        """The settings that this variant's lists are ranked by."""
        return replace(usual, **self.settings)  # type: ignore[arg-type]  # checked: numbers for numbers


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See the module. Make one by `parse` or `read`, which check it."""

    name: str
    variant: tuple[Variant, ...]

    def of(self, user_id: str) -> Variant:
        """The user's variant: the same in every process, for ever."""
        digest = blake2b(user_id.encode(), key=self.name.encode(), digest_size=8).digest()
        drawn = int.from_bytes(digest, "big") / 2**64
        ends = accumulate(variant.share for variant in self.variant)
        return next((each for each, end in zip(self.variant, ends, strict=True) if drawn < end), self.variant[-1])


def tunable() -> set[str]:
    """The names of the settings that a variant may have."""
    return {each.name for each in fields(RankSettings) if type(each.default) is float}


def read(path: Path) -> Experiment:
    """An experiment from its file.

    Raises Misconfigured, naming the file and what is wrong with it.
    """
    try:
        return parse(edited.read_text(path))
    except OSError as error:
        raise Misconfigured(f"the experiment file {path} cannot be read: {error}") from error
    except Misconfigured as error:
        raise Misconfigured(f"the experiment file {path}: {error}") from error


def parse(text: str) -> Experiment:
    """An experiment from its file's text.

    Raises Misconfigured.
    """
    experiment = edited.parse(text, Experiment)
    if wrong := next(_complaints(experiment), None):
        raise Misconfigured(wrong)
    return experiment


def _complaints(experiment: Experiment) -> Iterator[str]:
    names = [variant.name for variant in experiment.variant]
    for name in (experiment.name, *names):
        if not _NAME.fullmatch(name):
            yield f"{name!r} is no name: 1 to 64 letters, digits, dots, dashes or underscores"
    if not names:
        yield "it has no variant: add [[variant]] with a name and a share"
    if len(set(names)) < len(names):
        yield f"two variants have one name: {', '.join(names)}"
    for variant in experiment.variant:
        if not 0 < variant.share <= 1:
            yield f"variant {variant.name!r}: `share` is {variant.share}, it must lie above 0 and at most at 1"
        yield from (f"variant {variant.name!r}: {wrong}" for wrong in _wrong(variant.settings))
    if not math.isclose(total := sum(variant.share for variant in experiment.variant), 1.0, abs_tol=1e-6):
        yield f"the shares add up to {total:g}: they must add up to 1"


def _wrong(settings: dict[str, float]) -> Iterator[str]:
    known = tunable()
    for name, value in settings.items():
        most = _MOST.get(name, _MOST_POINTS)
        if name not in known:
            yield f"there is no setting `{name}`; there are {', '.join(sorted(known))}"
        elif not 0 <= value <= most:
            yield f"`{name}` is {value}, it must lie between 0 and {most:g}"
