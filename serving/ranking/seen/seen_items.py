"""What a user has seen or bought: out, or lower, or out until it is usually bought again.

By `again` only what was bought counts. Of an item bought t ago, of whose purchases a share ρ is followed by another
one, a share F(t) of these within t, nine in ten within t_90 (serving/ranking/seen/repeats.py), for a user who buys
something every d days (1 to 30; 7 before that is known):

    ρ < .25           a durable: out, and what is of its kind lower by like·strength, as its user is less likely to
                      buy of the kind now than others are: strength = -log2(lift)/2, cut to [0, 1]
    F(t) < .1         not needed yet: out
    t < 2·t_90        about now: again·log1p(P / .03) points more
    later             left alone

with P = ρ·(F(t + d) - F(t)) / (1 - ρ·F(t)), the chance that it is bought again by the next visit, as it was not before.

t is counted up to when the list is made (its version, which is kept), or to the user's newest event if that is later:
the same state gives the same list, and one that is made again without an event knows what has become due.
"""

from dataclasses import dataclass, field

import numpy as np

from serving.arrays import Floats, Rows
from serving.catalogue import Catalogue
from serving.ranking.impression_discount import newest_s
from serving.ranking.rank_settings import RankSettings, Seen
from serving.ranking.rules import Rules
from serving.ranking.seen.repeats import Repeats
from serving.state.purchases import VISIT_S, Bought, bought
from serving.state.user_state import UserState

__all__ = ()

_DAY_S = 86_400
_DURABLE = 0.25  # of what is bought again by fewer
_EARLIEST = 0.1  # of those who buy again: nearly all of them find it listed in time
_LATE = 0.9
_OFTEN = 2  # gaps between a user's own purchases that make a habit
_UNIT = 0.03  # where the logarithm bends, as those of the blend's signals do
_PAUSES_S = (_DAY_S, 7 * _DAY_S, 30 * _DAY_S)  # between a user's visits: at least, before it is known, at most
_NOTHING = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True)
class SeenItems:
    """out: rows that must not be listed; of these `dismissed`, and `bought`: it is not time to buy them again.

    lower: rows that lose `seen_points`. due: rows that are usually bought again about now, and the points for it; of
    these `own`: their user's own purchases say so. kinds: `(m,)`, what is lost by row of the facets' texts, or empty.
    """

    out: Rows
    lower: Rows
    dismissed: Rows
    bought: frozenset[int] = frozenset()
    due: dict[int, float] = field(default_factory=dict)
    own: frozenset[int] = frozenset()
    kinds: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def of_kind(self, facet_of: np.ndarray[tuple[int], np.dtype[np.int32]]) -> Floats:
        """What items lose by the rows of their facets' texts, -1: none; of the same shape."""
        if not len(self.kinds):
            return np.zeros(len(facet_of), np.float32)
        lost: Floats = np.append(self.kinds, np.float32(0.0))[facet_of]
        return lost


class SeenFilter:
    """Tells what a user has seen or bought. `settings.seen` holds where `rules` say nothing else."""

    def __init__(self, catalogue: Catalogue, repeats: Repeats, rules: Rules, settings: RankSettings) -> None:
        self._catalogue = catalogue
        self._repeats = repeats
        self._rules = rules
        self._settings = settings

    def of(self, state: UserState) -> SeenItems:
        """Of one user, up to the newest event."""
        seen, catalogue = state.seen, self._catalogue
        gone, there = seen["dismissed"] > 0, seen["count"] > 0
        dismissed = catalogue.seen_rows(seen["item"][gone]) if gone.any() else _NOTHING
        rows = catalogue.seen_rows(seen["item"] if there.all() else seen["item"][there])
        out = self._those(rows, "out")
        out = np.concatenate([dismissed, out]) if len(dismissed) else out
        lower = self._those(rows, "down")
        if not len(state.purchases) or not self._rules.any_seen("again", self._settings.seen):
            return SeenItems(out, lower, dismissed)
        items, now_s = bought(state), max(newest_s(state), state.list_version // 1000)
        owned = [
            (row, item) for item in items for row in catalogue.seen_rows(np.array([item.item], np.uint32)).tolist()
        ]
        again = set(self._those(_rows([row for row, _ in owned]), "again").tolist())
        return self._bought(
            [each for each in owned if each[0] in again], now_s, _pause_s(state), SeenItems(out, lower, dismissed)
        )

    def _bought(self, owned: list[tuple[int, Bought]], now_s: int, pause_s: float, seen: SeenItems) -> SeenItems:
        """With what was bought. owned: its rows. pause_s: between the user's visits."""
        if not owned:
            return seen
        rows = [row for row, _ in owned]
        kinds = list(map(self._catalogue.kind, rows))
        ago_s = np.array([max(now_s - item.last_s, 0) for _, item in owned], np.float64)
        usual = self._repeats.usual(rows, kinds, [item.gaps_s for _, item in owned])
        done, late = usual.bought_by(ago_s), ago_s / usual.quantiles_s(_LATE)
        durable = usual.shares < _DURABLE
        off = durable | (done < _EARLIEST)
        soon = usual.bought_by(ago_s + pause_s) - done
        chance = usual.shares * soon / (1.0 - usual.shares * done)
        points = self._settings.again * np.log1p(chance / _UNIT) * (late < 2.0)
        due = {row: float(points[at]) for at, row in enumerate(rows) if not off[at] and points[at] > 0}
        kept = {row for at, row in enumerate(rows) if off[at]}
        own = {row for row, item in owned if row in due and len(item.gaps_s) >= _OFTEN}
        lost = self._kinds([(row, kinds[at], int(ago_s[at])) for at, row in enumerate(rows) if durable[at]])
        out = np.concatenate([seen.out, _rows(list(kept))])
        return SeenItems(out, seen.lower, seen.dismissed, frozenset(kept), due, frozenset(own), lost)

    def _kinds(self, durables: list[tuple[int, str, int]]) -> Floats:
        """What each kind loses of which durables were bought. Of rows, kinds, and how many seconds ago."""
        lost = np.zeros(len(self._catalogue.facets) if durables else 0, np.float32)
        for row, kind, ago_s in durables:
            facet = int(self._catalogue.facet_of[row])
            if facet >= 0:
                strength = min(max(-0.5 * np.log2(self._repeats.lift(kind, ago_s)), 0.0), 1.0)
                lost[facet] = max(lost[facet], self._settings.like * strength)
        return lost

    def _those(self, rows: Rows, seen: Seen) -> Rows:
        """The rows for which it goes by `seen`."""
        ruled = self._rules.seen()
        if not len(ruled):
            return rows if self._settings.seen == seen else _NOTHING
        return rows[[(each or self._settings.seen) == seen for each in ruled[rows].tolist()]] if len(rows) else rows


def _pause_s(state: UserState) -> float:
    """How many seconds lie between two visits at which the user buys something, on the mean."""
    times_s = state.purchases["time_s"][state.purchases["item"] != 0].astype(np.int64)
    least, usual, most = _PAUSES_S
    pauses = int((np.diff(times_s) > VISIT_S).sum())
    return float(np.clip((times_s[-1] - times_s[0]) / pauses, least, most)) if pauses > 1 else float(usual)


def _rows(rows: list[int]) -> Rows:
    return np.array(rows, np.intp)
