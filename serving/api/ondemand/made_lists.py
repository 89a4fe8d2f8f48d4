"""Lists that were made because somebody asked, and what is told of the items on them."""

import msgspec

from penchant.messages import RecommendationList
from serving.conversation.questions import Question
from serving.ranking.reasons.told import Candidate, Explanation


class QueriedList(RecommendationList, kw_only=True, gc=False):
    """A list for a text. event_id: what reasons call that text by. remembered: whether it was sent as an event, too.

    version: of the list that stands, which this one does not replace; 0 without any. folded: always empty.
    """

    event_id: str
    remembered: bool = False


class ConversationTurn(QueriedList, kw_only=True, gc=False):
    """A list for a text that was said in a conversation, which is remembered. question: one, if there is one."""

    question: Question | None = None


class RankedItems(msgspec.Struct, kw_only=True):
    """The items that were asked about in the user's order; those that lists must not have stand last.

    path: `trending` where nothing is known of the user. unknown: those that were never heard of, as they were given.
    """

    user_id: str
    path: str
    items: list[Candidate]
    unknown: list[str]


class ExplainedItems(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An item explained. user_id: whose list it is about: of who was merged into another, that one's.

    without: the event that is left out; list_without: the list that there would be.
    """

    user_id: str
    items: list[Explanation]
    without: str | None = None
    list_without: RecommendationList | None = None
