"""Files that people edit: rules for lists, experiments, weights."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import Misconfigured
from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from serving.experiment import read as read_experiment
from serving.ranking.rank_settings import RankSettings
from serving.ranking.rules import Rules
from stream.events.weights import load_weights
from stream.testing import FINGERPRINT, embed_by_words
from tests.fuzz.target import Form, Target
from tests.fuzz.targets.wire import scratch
from tests.support.experiments import halves

_RULES = """\
[[rule]]
do = "block"
where = {genre = "Horror"}
[[rule]]
do = "demote"
item = "i1"
points = 2.0
[[rule]]
do = "boost"
where = {genre = "Sci-Fi", brand = "Acme"}
points = 1e3
[[rule]]
do = "pin"
item = "i2"
place = 1
"""
_WORDS = (
    "do", "item", "where", "points", "place", "block", "demote", "boost", "pin", "[[rule]]", "[rule]", "rule = []",
    "name", "share", "settings", "[[variant]]", "variety", "statement_damping", "seen", "k", "[actions]",
    "[ratings]", "pair", "taste",
    "{pair = 1, taste = 1}", "\ufeff", "a.b.c = 1", "1e999", "-nan", "0x1", "2026-11-28", '"""',
    "'''", "#", "\r", "= 1",
    "a = " + "[" * 2000, "a = " + "{a = " * 500, "[" + "a." * 2000 + "a]", "points = 1e39",
    "points = -0.0", "\ud800",
)  # fmt: skip


def _target(read: Callable[[Path], Any], check: Callable[[Any], None], *corpus: str) -> Target:
    path = scratch() / "input.toml"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        check(read(path))

    made = [text.encode() for text in corpus]
    return Target(run=run, corpus=made, form=Form.TEXT, words=_WORDS, allowed=(Misconfigured,))


def rules() -> Target:
    """A file of rules, applied to a catalogue, and read again after it was spoiled."""
    catalogue = Catalogue(8, FINGERPRINT, capacity=4)
    genres: tuple[str | list[str], ...] = ("Horror", "Sci-Fi", ["Sci-Fi", "Horror"])
    for n, genre in enumerate(genres):
        catalogue.put(
            ItemVector(
                item_id=f"i{n}",
                title="",
                facets={"genre": genre, "brand": "Acme"},
                available=True,
                revision="",
                fingerprint=FINGERPRINT,
                vector=pack(embed_by_words("space")),
            )
        )

    def read(path: Path) -> Rules:
        with suppress(Misconfigured):
            Rules(catalogue, path)
        changed = Rules(catalogue)  # a worker that runs: what is wrong leaves the rules of before in force
        changed._path = path
        changed.read()
        return changed

    def check(made: Rules) -> None:
        assert not np.isnan(made.points()).any()
        assert all(1 <= place <= 1000 for place in made.pins().values())
        made.block(0)

    return _target(read, check, _RULES, "")


def experiment() -> Target:
    """An experiment, and the settings of whom it deals to whom."""

    def check(made: Any) -> None:
        for user in ("u1", "用户", ""):
            made.of(user).ranking(RankSettings())

    return _target(read_experiment, check, halves("variety = 0.2, statement_damping = 0.5"), halves(""))


def weights() -> Target:
    """A weights file: every action it lists weighs something finite."""
    shipped = (Path(__file__).parents[3] / "stream" / "events" / "weights.toml").read_text(encoding="utf-8")

    def check(made: Any) -> None:
        for action in made.actions:
            made.accepts(action)
            assert abs(made.of(action, None).preference) + made.of(action, None).covisit < np.inf
        for tenth in range(11):
            made.of("rate", tenth / 10)
        str(made.weight_range)

    return _target(load_weights, check, shipped)
