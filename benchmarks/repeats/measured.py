"""Whether lists have what is bought again when it is, and not what is not; over the second half of the stream."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from benchmarks.repeats.played import SEEN, Lists, Played
from benchmarks.repeats.shop import BEGIN_S, DAY_S, Act, Goods, Shop
from serving.ranking.rank_settings import Seen

_K, _TOP = 20, 10
_AWHILE_S = 60 * DAY_S  # after a durable was bought
_WARM_UP_S = 45 * DAY_S  # lists that are followed before the measured half


class Figures(msgspec.Struct):
    """Of one setting.

    came_back: consumables bought whose return is known. error: the median of abs(when it was listed again - its usual
    time) / its usual time; 1 if it was bought before. late: the share of these. durables_listed: of durables that were
    bought before, and books, how many stood on lists. like: items of the kind of a durable bought within 60 days, on a
    list. repeats, firsts: purchases of what the user had bought before and had not; hr@10: whether it stood in the
    first ten of the visit's first list.
    """

    came_back: int
    error: float
    late: float
    durables_listed: int
    like: float
    repeats: int
    firsts: int
    hr_repeats: float = msgspec.field(name="repeats_hr@10")
    hr_firsts: float = msgspec.field(name="firsts_hr@10")


class Told(msgspec.Struct):
    """What `--json` writes."""

    users: int
    days: int
    events: int
    purchases: int
    lists: int
    seen: dict[str, Figures]


@dataclass(slots=True)
class _Counts:
    """Of one setting. waiting: (user, item) -> when it was bought, and listed again, None: not yet."""

    waiting: dict[tuple[str, int], tuple[int, int | None]] = field(default_factory=dict)
    errors: list[float] = field(default_factory=list)
    durables: int = 0
    like: list[int] = field(default_factory=list)
    repeats: list[bool] = field(default_factory=list)
    firsts: list[bool] = field(default_factory=list)

    def look(self, user: str, listed: set[int], time_s: int) -> None:
        """What of the user's own stands on a list."""
        for (other, item), (bought_s, back_s) in list(self.waiting.items()):
            if other == user and back_s is None and item in listed:
                self.waiting[user, item] = (bought_s, time_s)

    def bought_again(self, key: tuple[str, int], goods: Goods) -> None:
        """What waited came back, or was bought without that."""
        bought_s, back_s = self.waiting.pop(key)
        usual_s = goods.days * DAY_S
        self.errors.append(1.0 if back_s is None else abs(back_s - bought_s - usual_s) / usual_s)

    def figures(self) -> Figures:
        errors = np.array(self.errors or [np.nan])
        return Figures(
            came_back=len(self.errors),
            error=round(float(np.median(errors)), 4),
            late=round(float((errors == 1.0).mean()), 4),
            durables_listed=self.durables,
            like=round(float(np.mean(self.like or [0])), 4),
            repeats=len(self.repeats),
            firsts=len(self.firsts),
            hr_repeats=round(float(np.mean(self.repeats or [False])), 4),
            hr_firsts=round(float(np.mean(self.firsts or [False])), 4),
        )


class _Measured:
    def __init__(self, shop: Shop, days: int) -> None:
        self._goods = shop.goods
        self._half_s, self._end_s = BEGIN_S + days * DAY_S // 2, BEGIN_S + days * DAY_S
        self._owned: dict[str, dict[int, int]] = {}  # durables and books, and when they were bought
        self._had: set[tuple[str, int]] = set()
        self._lists: dict[str, Lists] = {}
        self.counts: dict[Seen, _Counts] = {seen: _Counts() for seen in SEEN}
        self.looked = 0

    def follows(self, act: Act) -> bool:
        """Whether the list right after an act is looked at."""
        return act.looks and act.time_s >= self._half_s - _WARM_UP_S

    def look(self, act: Act, lists: Lists) -> None:
        """Look at the list of a visit's first event."""
        self._lists[act.user] = lists
        owned = self._owned.get(act.user, {})
        measured = act.time_s >= self._half_s
        self.looked += measured
        for seen, rows in lists.items():
            counts = self.counts[seen]
            counts.look(act.user, set(rows), act.time_s)
            if measured:
                counts.durables += len(owned.keys() & set(rows))
                counts.like += [self._alike(item, rows) for item, at_s in owned.items() if self._late(item, act, at_s)]

    def buy(self, act: Act) -> None:
        """A purchase: whether it was listed, and what waits from now on."""
        goods, key = self._goods[act.item], (act.user, act.item)
        lists = self._lists.get(act.user)
        present = act.item in self._owned.get(act.user, {})
        for seen, counts in self.counts.items():
            if lists is not None and act.time_s >= self._half_s and not present:
                hits = counts.repeats if key in self._had else counts.firsts
                hits.append(act.item in lists[seen][:_TOP])
            if key in counts.waiting:
                counts.bought_again(key, goods)
            if goods.days and act.time_s >= self._half_s:
                counts.waiting[key] = (act.time_s, None)
        self._had.add(key)
        if not goods.days:
            self._owned.setdefault(act.user, {})[act.item] = act.time_s

    def end(self) -> None:
        """What has waited for half as long again as usual counts, too; of the rest nobody knows yet."""
        for counts in self.counts.values():
            for key, (bought_s, back_s) in list(counts.waiting.items()):
                goods = self._goods[key[1]]
                if back_s is not None or self._end_s - bought_s > 1.5 * goods.days * DAY_S:
                    counts.bought_again(key, goods)

    def _late(self, item: int, act: Act, bought_s: int) -> bool:
        return act.time_s - bought_s <= _AWHILE_S and self._goods[item].lasting

    def _alike(self, item: int, rows: Iterable[int]) -> int:
        return sum(self._goods[row].kind == self._goods[item].kind for row in rows)


def measure(users: int, days: int, seed: int = 1) -> Told:
    """The figures of all settings."""
    shop = Shop(seed)
    acts = shop.acts(users, days)
    played, measured = Played(shop, seed), _Measured(shop, days)
    for act in acts:
        played.act(act)
        if measured.follows(act):
            measured.look(act, played.lists(act.user, _K))
        if act.action == "purchase":
            measured.buy(act)
    measured.end()
    purchases = sum(act.action == "purchase" for act in acts)
    seen: dict[str, Figures] = {name: counts.figures() for name, counts in measured.counts.items()}
    return Told(users, days, len(acts), purchases, measured.looked, seen)
