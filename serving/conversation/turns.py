"""Whether a list is followed by a question, and by which: at most one, and none after an answer to one.

The dialogue is what the user's state has of it: the statements of the last half hour. Every API process says the same,
and a restart forgets nothing.
"""

import uuid
from collections.abc import Sequence

from serving.conversation.ambiguity import Doubt
from serving.conversation.questions import Asked, Language, Question, clarifying, satisfaction
from serving.state.user_state import UserState

__all__ = ["question_after"]

_DIALOGUE_MS = 30 * 60_000
_EVERY = 3  # lists of a dialogue, after which it is asked whether something was found
_ANSWER = "answer-"  # what ids of answers begin with


def question_after(
    state: UserState, user_id: str, language: Language, doubt: Doubt | None, first: Sequence[tuple[str, str]]
) -> Question | None:
    """What is asked after the newest statement of a state. first: ids and titles of the first items of the list."""
    statements = [text for text in state.texts if not text.item_id]
    if not statements:
        return None
    asked = Asked(user_id, language, f"{_ANSWER}{uuid.uuid4().hex}")
    now_ms = statements[-1].time_ms
    if doubt is not None and not statements[-1].event_id.startswith(_ANSWER):
        return clarifying(doubt, asked)
    lists = sum(now_ms - text.time_ms <= _DIALOGUE_MS for text in statements)
    return satisfaction(first, asked) if lists % _EVERY == 0 else None
