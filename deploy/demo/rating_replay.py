"""Replays ratings in order of time, many users at once, never two events of a user at a time.

A user's next rating is sent once the list that names the one before stands. So every rating is tested on a list that
had learned all the ratings before it, as if the user had looked at that list first.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from deploy.demo.clients import DemoClient
from deploy.demo.films import RATING_SCALE, Rating
from deploy.demo.score import HitRates
from penchant.messages import RecommendationList
from penchant.topics import TRENDING

__all__ = ["SentRating"]

_AT_ONCE = 16  # users with a rating on its way
_AHEAD = 2_000  # how far beyond the oldest unsent rating others are looked for: a user's ratings come in long runs
_POSITIVE = 4.0
_PATIENCE_S = 10.0
_LOOK_MS = 5


class LookAhead:
    """Hands out ratings in order of time, at most one a user until `answered`, at most `at_once` in all.

    >>> ahead = LookAhead([Rating("a", "1", 5, 0), Rating("a", "2", 5, 1), Rating("b", "3", 5, 2)], at_once=2)
    >>> [rating.item_id for rating in ahead.ready()]
    ['1', '3']
    >>> ahead.answered("a")
    >>> [rating.item_id for rating in ahead.ready()]
    ['2']
    """

    def __init__(self, ratings: Sequence[Rating], at_once: int = _AT_ONCE, ahead: int = _AHEAD) -> None:
        self._ratings = enumerate(ratings)
        self._at_once = at_once
        self._ahead = ahead
        self._queues: dict[str, deque[tuple[int, Rating]]] = {}
        self._free: list[tuple[int, str]] = []  # users that may send: (place of their next rating, id), a heap
        self._unsent = 0
        self._out: set[str] = set()

    def ready(self) -> Iterator[Rating]:
        """The ratings to send now."""
        self._read()
        while self._free and len(self._out) < self._at_once:
            _, user = heapq.heappop(self._free)
            _, rating = self._queues[user].popleft()
            self._out.add(user)
            self._unsent -= 1
            yield rating
            self._read()

    def answered(self, user: str) -> None:
        """The user's list stands: their next rating may go."""
        self._out.discard(user)
        queue = self._queues[user]
        if queue:
            heapq.heappush(self._free, (queue[0][0], user))
        else:
            del self._queues[user]

    def _read(self) -> None:
        while self._unsent < self._ahead and (entry := next(self._ratings, None)) is not None:
            user = entry[1].user_id
            queue = self._queues.setdefault(user, deque())
            queue.append(entry)
            self._unsent += 1
            if len(queue) == 1 and user not in self._out:
                heapq.heappush(self._free, (entry[0], user))


class SentRating(msgspec.Struct, frozen=True):
    """A rating as it was sent, a line of events as `benchmarks.quality` reads them. ts: seconds since 1970, not moved.

    hit: of a positive one, whether the list before it had the item among its first ten.
    """

    ts: int
    user: str
    item: str
    rating: float
    hit: bool | None
    type: str = "rate"


@dataclass(slots=True)
class ReplayResult:
    """What a replay did. latencies_s: event sent to list received, by event. unanswered: events no list ever named.

    ratings: in the order in which they were sent.
    """

    hits: HitRates
    seconds: float = 0.0
    ratings: list[SentRating] = field(default_factory=list)
    unanswered: int = 0
    latencies_s: list[float] = field(default_factory=list)
    first_lists: dict[str, RecommendationList] = field(default_factory=dict)

    @property
    def sent(self) -> int:
        """How many ratings were sent."""
        return len(self.ratings)


@dataclass(slots=True)
class RatingReplay:
    """One replay. rows: item id → row, for the score. moved_s: seconds that are added to every time."""

    client: DemoClient
    rows: dict[str, int]
    moved_s: int
    played: ReplayResult = field(init=False)
    _sent_at: dict[str, tuple[str, float]] = field(default_factory=dict)  # user → event on its way, when

    def __post_init__(self) -> None:
        self.played = ReplayResult(HitRates(len(self.rows)))

    def run(self, ahead: LookAhead, seconds: float, progress: Callable[[int], None]) -> ReplayResult:
        """Send for `seconds` or until all is sent, then wait for the last lists."""
        began = time.monotonic()
        while True:
            if time.monotonic() - began < seconds:
                for rating in ahead.ready():
                    self._send(rating)
            if not self._sent_at:
                break
            for user in self._receive(_LOOK_MS):
                ahead.answered(user)
            progress(self.played.sent)
        self.played.seconds = time.monotonic() - began
        return self.played

    def go_on(self, ahead: LookAhead, per_s: float, wanted: Callable[[], bool]) -> None:
        """Send some a second, for as long as that is wanted; what it counts is not of the run before."""
        while wanted():
            due = time.monotonic() + 1 / per_s
            for rating in islice(ahead.ready(), 1):
                self._send(rating)
            while (left_s := due - time.monotonic()) > 0:
                for user in self._receive(max(round(1000 * left_s), 1)):
                    ahead.answered(user)

    def _send(self, rating: Rating) -> None:
        user, row = rating.user_id, self.rows[rating.item_id]
        hits = self.played.hits
        hit = hits.score(user, row, self._shown(user)) if rating.stars >= _POSITIVE else None
        hits.learn(user, row)
        event_id = f"r-{user}-{rating.item_id}"
        message = {
            "event_id": event_id,
            "user_id": user,
            "item_id": rating.item_id,
            "type": "rate",
            "value": rating.stars,
            "rating_scale": RATING_SCALE,
            "event_time": (rating.time_s + self.moved_s) * 1000,
        }
        self._sent_at[user] = (event_id, self.client.send(self.client.topics.clicks, user, message))
        self.played.ratings.append(SentRating(rating.time_s, user, rating.item_id, rating.stars, hit))

    def _shown(self, user: str) -> list[int]:
        """Rows of the list that the user would be shown now; one without a list gets the trending one."""
        made = self.client.newest.get(user) or self.client.newest.get(TRENDING)
        return [] if made is None else [self.rows[item.item_id] for item in made.items]

    def _receive(self, look_ms: int) -> Iterator[str]:
        """Users whose event was answered, or waited for too long."""
        for answer in self.client.receive(look_ms):
            user = answer.made.user_id
            event_id, sent_at = self._sent_at.get(user, ("", 0.0))
            if event_id in answer.events:
                self.played.latencies_s.append(answer.at_s - sent_at)
                self.played.first_lists.setdefault(user, answer.made)
                del self._sent_at[user]
                yield user
        late = [user for user, (_, at) in self._sent_at.items() if time.monotonic() - at > _PATIENCE_S]
        for user in late:
            self.played.unanswered += 1
            del self._sent_at[user]
            yield user
