"""From a ranking to the message that stands on the recommendations topic."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from penchant.messages import Cause, Folded, RecommendationList
from penchant.times import rfc3339
from penchant.topics import MAX_MESSAGE_BYTES, TRENDING, Topics
from serving.ranking.ranker import Ranking
from serving.state.user_state import Ref, UserState
from stream.events.outgoing import Outgoing
from stream.processing.batch import UserUpdate
from stream.store.published_lists import PublishedList

_MOST_BYTES = MAX_MESSAGE_BYTES - 1024  # the key, and what a batch of one record adds
_MOST_FOLDED = 256  # events that one list names; beyond, it says how many more


class Lists:
    """Makes list messages of one model folder. Lists are good for `expiry_ms`, or until the next one."""

    def __init__(self, topics: Topics, fingerprint: str, expiry_ms: int) -> None:
        self._topic = topics.recommendations
        self._fingerprint = fingerprint
        self._expiry_ms = expiry_ms

    def of_user(self, update: UserUpdate, ranking: Ranking, now_ms: int) -> Outgoing:
        """The list of a user, caused by the newest of the events that the update names; its version is the state's."""
        folded = update.named
        cause = newest(folded)
        message = RecommendationList(
            user_id=update.user_id,
            version=update.state.list_version,
            generated_at=rfc3339(now_ms),
            expires_at=rfc3339(now_ms + self._expiry_ms),
            fingerprint=self._fingerprint,
            path=path_of(update.state, ranking),
            variant=ranking.variant or msgspec.UNSET,
            cause=_cause(cause) if cause is not None else None,
            folded=[
                Folded(ref.topic, ref.partition, ref.offset, ref.event_id, ref.waiting, ref.duplicate)
                for ref in folded[-_MOST_FOLDED:]
            ],
            folded_more=max(0, len(folded) - _MOST_FOLDED) + update.named_more,
            items=ranking.items,
        )
        return Outgoing(self._topic, update.user_id.encode(), _packed(message), update.batch.partition)

    def trending(self, ranking: Ranking, version: int, now_ms: int) -> Outgoing:
        """The list under `*`, for everybody of whom nothing is known."""
        message = RecommendationList(
            user_id=TRENDING,
            version=version,
            generated_at=rfc3339(now_ms),
            expires_at=rfc3339(now_ms + self._expiry_ms),
            fingerprint=self._fingerprint,
            path=ranking.path,
            cause=None,
            folded=[],
            items=ranking.items,
        )
        return Outgoing(self._topic, TRENDING.encode(), _packed(message))


def as_published(update: UserUpdate, ranking: Ranking, now_ms: int) -> PublishedList:
    """What is remembered of a list: more items would change one of trending items for somebody who has seen all."""
    return PublishedList(
        item_ids=[item.item_id for item in ranking.items],
        cause=newest(update.named),
        made_s=now_ms // 1000,
        live=ranking.path == "live",
        wanting=ranking.path == "trending" and update.state.known,
        active=update.active,
    )


def path_of(state: UserState, ranking: Ranking) -> Literal["live", "cached", "trending"]:
    """What a list was made from: a text that waits for the encoder is not in it."""
    return "cached" if ranking.path == "live" and state.missed else ranking.path


def _packed(message: RecommendationList) -> bytes:
    """As JSON; of a list that is larger than its topic takes the best items, as many as fit."""
    packed = msgspec.json.encode(message)
    while len(packed) > _MOST_BYTES and message.items:
        fitting = len(message.items) * _MOST_BYTES // len(packed)
        message.items = message.items[: min(fitting, len(message.items) - 1)]
        packed = msgspec.json.encode(message)
    return packed


def newest(named: Sequence[Ref]) -> Ref | None:
    """Of the events that a list names the one that it says caused it."""
    return max(named, key=lambda ref: (ref.time_ms, ref.offset), default=None)


def _cause(of: Ref) -> Cause:
    return Cause(of.topic, of.partition, of.offset, of.event_id, rfc3339(of.time_ms))
