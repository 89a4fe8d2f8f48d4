"""What `Recommendations.get` answers with."""

from typing import Literal

import msgspec

from penchant.messages import ListItem, RecommendationList

__all__ = ["UserList"]

Path = Literal["live", "cached", "trending", "stale", "erased", "none"]


class UserList(msgspec.Struct, frozen=True, gc=False):
    """A user's list as it stands now.

    items: best first, without what is gone or not on offer. path: `live`, `cached` or `trending` as in the message;
    `stale` if it is past its `expires_at`, or the broker has not been heard for a while; `trending` also for a user of
    whom there is no list; `erased` if the user was just erased; `none` if there is not even a trending list. version:
    of the message, 0 without one. age_s: since the list was made. message: as it stood on the topic.
    """

    user_id: str
    items: list[ListItem]
    path: Path
    version: int = 0
    age_s: float = 0.0
    message: RecommendationList | None = None
