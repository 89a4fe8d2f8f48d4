"""Which question follows, and what its choices say."""

from typing import Any

import msgspec

from penchant.messages import Click, Review
from penchant.producer.outgoing_record import check
from serving.conversation.ambiguity import Doubt
from serving.conversation.questions import Question
from serving.conversation.turns import question_after
from serving.state.user_state import RecentText, UserState

OPEN = Doubt("genre", ("Science Fiction", "Western"), (0.5, 0.3))
FIRST = [("i1", "Alien (1979)"), ("i2", ""), ("i3", "Rio Bravo"), ("i4", "Up")]
MINUTE_MS = 60_000


def after(*texts: tuple[int, str], doubt: Doubt | None = None) -> Question | None:
    """The question after statements, each with its minute and id."""
    state = UserState(texts=[RecentText(minute * MINUTE_MS, event_id, "", 1.0, b"") for minute, event_id in texts])
    return question_after(state, "u/1", "zh", doubt, FIRST)


def sent(events: list[dict[str, Any]]) -> list[Click | Review]:
    """As the API takes them."""
    made: list[Click | Review] = []
    for each in events:
        made.append(msgspec.convert(each, Review) if "text" in each else msgspec.convert(each, Click))
        check(made[-1])
    return made


def test_an_open_statement_is_followed_by_a_question_whose_choices_are_events() -> None:
    question = after((0, "r1"), doubt=OPEN)

    assert question is not None
    assert question.text == "你更想要哪一种：科幻还是西部？"
    assert [choice.label for choice in question.choices] == ["科幻", "西部", "都不是"]
    events = [sent(choice.events)[0] for choice in question.choices]
    assert [each.text for each in events if isinstance(each, Review)] == [
        "Science Fiction",
        "Western",
        "不要Science Fiction，不要Western",
    ]
    assert len({each.event_id for each in events}) == 3


def test_an_answer_is_followed_by_no_other_question() -> None:
    question = after((0, "r1"), doubt=OPEN)
    assert question is not None

    answer = question.choices[0].events[0]["event_id"]

    assert after((0, "r1"), (1, answer), doubt=OPEN) is None
    assert after((0, "r1"), (1, answer), (2, "r2"), doubt=OPEN) is not None


def test_after_the_third_list_of_half_an_hour_it_is_asked_whether_it_was_found() -> None:
    question = after((0, "r1"), (1, "r2"), (20, "r3"))

    assert question is not None
    assert question.kind == "satisfaction"
    assert [choice.label for choice in question.choices] == ["Alien (1979)", "i2", "Rio Bravo", "都没有"]
    like, *dismissals = sent([*question.choices[0].events, *question.choices[-1].events])
    assert isinstance(like, Click)
    assert (like.item_id, like.type, like.position) == ("i1", "like", 1)
    assert [each.item_id for each in dismissals] == ["i1", "i2", "i3"]
    assert after((0, "r1"), (1, "r2"), (40, "r3")) is None
    assert after((0, "r1"), (1, "r2")) is None


def test_without_a_statement_nothing_is_asked() -> None:
    assert after(doubt=OPEN) is None
