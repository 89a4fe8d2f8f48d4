"""Whether reasons are true: from the messages that were sent, by what docs/explanations.md says of each code.

Nothing here is taken from the code that makes lists or reasons.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from penchant.messages import ListItem, Reason

Message = dict[str, Any]
Vectors = npt.NDArray[np.float32]

_RING = 20
_FADES = np.array([0.9, 0.99, 0.999])  # for each event of anybody
_HALF_LIVES_MS = 3_600_000 * np.array([1, 24, 7 * 24, 30 * 24])
_LIKE = 0.05  # a cosine: likeness to the newest of several events may come from the others
_PAIR = {"view": 0.2, "click": 0.3, "cart": 0.7, "purchase": 1.0, "like": 1.0, "dismiss": 0.0}
_STARS = {1: 0.2, 2: 0.3, 3: 0.5, 4: 0.8, 5: 1.0}
_DOES = {
    "viewed": "view",
    "clicked": "click",
    "put_into_cart": "cart",
    "bought": "purchase",
    "liked": "like",
    "rated": "rate",
    "rated_highly": "rate",
}
_AGAIN = {"own_time_again": 3, "time_again": 1}  # how often its user must have bought it
_VISIT_MS = 4 * 3_600_000
_FILLS = {"nothing_closer", "on_offer"}


@dataclass(frozen=True, slots=True)
class _Did:
    """Something that a user did, by its message."""

    event_id: str
    item_id: str
    action: str
    text: str
    time_ms: int
    stars: float | None

    @property
    def pair(self) -> float:
        """How much it links its item with others."""
        if self.stars is not None:
            return _STARS[round(self.stars)]
        return _PAIR.get(self.action, 0.8 if self.item_id else 0.0)

    @property
    def liked(self) -> bool | None:
        """What it says of its item, None if nothing."""
        if self.stars is not None:
            return self.stars >= 3
        return {"like": True, "dismiss": False}.get(self.action)


@dataclass
class ReasonOracle:
    """Told of each message as it is sent; `wrong` tells what is not true of a list's entry then.

    titles: of the items, all of which are on offer. vectors: of each item by its id, and of what each text wants by
    the text. kinds, facets: of the items.
    """

    titles: Mapping[str, str]
    vectors: Mapping[str, Vectors]
    kinds: Mapping[str, str] = field(default_factory=dict)
    facets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _did: dict[str, dict[str, _Did]] = field(default_factory=lambda: defaultdict(dict))  # by user and event id
    _people: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _retracted: set[tuple[str, str]] = field(default_factory=set)
    _events: int = 0
    _crowd: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rows = {item_id: row for row, item_id in enumerate(self.titles)}
        self._totals, self._last, self._first, self._last_ms, self._first_ms = np.zeros((5, len(self._rows)))
        self._by_events = np.zeros((len(_FADES), len(self._rows)))
        self._by_time = np.zeros((len(_HALF_LIVES_MS), len(self._rows)))
        self._newest_ms = 0
        self._mean = np.mean([self.vectors[item_id] for item_id in self.titles], axis=0)

    def sends(self, message: Message) -> None:
        """Count a message in."""
        user = message["user_id"]
        if message.get("type") == "retract":
            self._retracted.add((user, message["event_id"]))
            return
        stars = message.get("rating", message.get("value"))
        item_id, action = message.get("item_id", ""), message.get("type", "")
        did = _Did(message["event_id"], item_id, action, message.get("text", ""), message.get("event_time", 0), stars)
        self._did[user][did.event_id] = did
        if item_id and did.pair:
            self._events += 1
            row = self._rows[item_id]
            self._totals[row] += did.pair
            self._by_events *= _FADES[:, None]
            self._by_events[:, row] += did.pair
            newest_ms = max(self._newest_ms, did.time_ms)
            self._by_time *= 0.5 ** ((newest_ms - (self._newest_ms or newest_ms)) / _HALF_LIVES_MS)[:, None]
            self._by_time[:, row] += did.pair * 0.5 ** ((newest_ms - did.time_ms) / _HALF_LIVES_MS)
            self._newest_ms = newest_ms
            self._first_ms[row] = min(self._first_ms[row], did.time_ms) if self._last[row] else did.time_ms
            self._last_ms[row] = max(self._last_ms[row], did.time_ms) if self._last[row] else did.time_ms
            self._first[row] = self._first[row] or self._events
            self._last[row] = self._events
            self._people[item_id].add(user)
            self._crowd.clear()

    def wrong(self, user: str, entry: ListItem) -> Iterator[str]:
        """What is not true of the reasons of one entry on a list of this user."""
        codes = {each.code for each in entry.reasons}
        if not codes or (len(entry.reasons) > 1 and codes & _FILLS):
            yield f"{entry.item_id}: {codes}"
        if sum(each.share for each in entry.reasons) > 1:
            yield f"{entry.item_id}: shares are more than 1"
        for reason in entry.reasons:
            why = self._of_event(user, entry.item_id, reason) if reason.event_id else self._apart(user, entry, reason)
            if why:
                yield f"{entry.item_id}, {self.titles[entry.item_id]}: {reason.code}, {reason.words!r}: {why}"

    def _apart(self, user: str, entry: ListItem, reason: Reason) -> str:
        if reason.code == "earlier":
            links = sum(each.pair > 0 for each in self._did[user].values())
            return "" if links > 1 and len(self._did[user]) > _RING else "nothing was earlier"
        if reason.code in _AGAIN:
            return "" if self._bought_again(user, entry.item_id, _AGAIN[reason.code]) else "it is not bought again"
        if reason.code in _FILLS:
            return "" if reason.share == 0 else "it is no reason"
        self._crowd = self._crowd or self._of_everybody()
        true = self._crowd.get(reason.code)
        return "" if true is not None and true[self._rows[entry.item_id]] else "not so"

    def _bought_again(self, user: str, item_id: str, often: int) -> bool:
        """Whether this user bought it so often, and anybody bought anything of its kind again."""
        same = {each for each in self._people if self.kinds.get(each) == self.kinds.get(item_id)}
        again = any(self._visits(person, each) > 1 for each in same for person in self._people[each])
        return again and self._visits(user, item_id) >= often

    def _visits(self, user: str, item_id: str) -> int:
        """On how many visits a user bought an item."""
        bought = [each for each in self._did[user].values() if each.item_id == item_id and each.action == "purchase"]
        times = sorted(each.time_ms for each in bought if (user, each.event_id) not in self._retracted)
        return sum(late - early >= _VISIT_MS for early, late in pairwise(times)) + bool(times)

    def _of_everybody(self) -> dict[str, npt.NDArray[np.bool_]]:
        """By code, of which items it is true."""
        known = self._last > 0
        late = [*self._by_events, *self._by_time[:2]]
        week, month = self._by_time[2:]
        last, first = [self._last, self._last_ms], [self._first, self._first_ms]
        return {
            "popular": self._totals > np.median(self._totals),
            "little_known": self._totals < np.median(self._totals),
            "popular_now": np.any([each > np.median(each) for each in late], axis=0),
            "quiet": np.any([each < np.median(each) for each in late], axis=0),
            "popular_this_week": week > np.median(week),
            "quiet_this_week": week < np.median(week),
            "popular_this_month": month > np.median(month),
            "quiet_this_month": month < np.median(month),
            "just_seen": known & np.any([each > np.median(each[known]) for each in last], axis=0),
            "long_unseen": known & np.any([each < np.median(each[known]) for each in last], axis=0),
            "new": known & np.any([each > np.median(each[known]) for each in first], axis=0),
            "long_known": known & np.any([each < np.median(each[known]) for each in first], axis=0),
        }

    def _of_event(self, user: str, item_id: str, reason: Reason) -> str:
        did = self._did[user].get(reason.event_id or "")
        if did is None or (user, did.event_id) in self._retracted:
            return "there is no such event"
        if reason.code == "wrote":
            return "" if not did.item_id and self._alike(item_id, did.text) else f"it was {did.text!r}"
        kind = did.text if reason.code == "reviewed" else did.action == _DOES.get(reason.code)
        if not kind or self.titles[did.item_id] not in reason.words:
            return f"it was {did}"
        if (reason.code == "rated_highly" and (did.stars or 0) < 4) or self._disliked(user, did.item_id):
            return "it was not liked"
        by_text = bool(did.text) and self._alike(item_id, did.text)
        return "" if by_text or self._linked(item_id, did.item_id) else "nothing links them"

    def _disliked(self, user: str, item_id: str) -> bool:
        """Whether the newest word of a user's last events on an item is against it."""
        late = list(self._did[user].values())[-_RING:]
        words = [
            each.liked for each in late if each.item_id == item_id and (user, each.event_id) not in self._retracted
        ]
        return [word for word in words if word is not None][-1:] == [False]

    def _linked(self, item_id: str, other: str) -> bool:
        """By likeness, of vectors or facets, or by somebody who took both."""
        if item_id == other or self._alike(item_id, other):
            return True
        return bool(self.facets.get(item_id, frozenset()) & self.facets.get(other, frozenset())) or bool(
            self._people[item_id] & self._people[other]
        )

    def _alike(self, item_id: str, other: str) -> bool:
        one, two = self.vectors[item_id] - self._mean, self.vectors[other]
        two = two - self._mean if other in self._rows else two
        length = float(np.linalg.norm(one) * np.linalg.norm(two))
        return length > 0 and float(one @ two) / length >= _LIKE
