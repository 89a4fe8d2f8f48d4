"""Reasons are told in the language that the user's newest events say."""

import pytest

from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.ranking.reasons.phrases import NO_CLOSER, Language
from serving.state.user_state import EventKind, RingEvent, UserState, decode, encode
from stream.testing import FINGERPRINT, NOW_MS
from tests.support.pipeline import FakeWorker, click
from tests.unit.serving.ranking.test_ranker import catalogue

ITEMS = catalogue()
TOLD: dict[Language, str] = {"en": 'you liked "Title 2"', "zh": "你喜欢《Title 2》"}


def liked(at: int, language: str = "", item_id: str = "horror-2") -> RingEvent:
    return RingEvent(NOW_MS + at, f"e{at}", at, item_id, EventKind.LIKE, 1.0, 1.0, language=language)


@pytest.mark.parametrize(
    ("said", "usual", "expected"),
    [
        ([], "en", "en"),
        (["zh"], "en", "zh"),
        (["zh", ""], "en", "zh"),
        (["zh", "en", ""], "zh", "en"),
        ([""], "zh", "zh"),
    ],
)
def test_the_newest_event_that_says_one_decides(said: list[str], usual: Language, expected: Language) -> None:
    ring = [liked(at, language) for at, language in enumerate(said)] or [liked(0)]
    state = decode(encode(UserState(ring=ring), FINGERPRINT), FINGERPRINT)
    entries = Ranker(ITEMS, Popularity(), RankSettings(language=usual)).rank(state, 20).items
    words = {reason.words for entry in entries for reason in entry.reasons}
    assert words == {TOLD[expected], NO_CLOSER[expected]}
    assert {reason.code for entry in entries for reason in entry.reasons} == {"liked", "nothing_closer"}


async def test_an_event_says_it_in_its_context() -> None:
    """Given a click in Chinese and later ones that say nothing, or what cannot be told, then it is remembered."""
    worker = FakeWorker()
    await worker.acquires(0)
    contexts = [{"language": "zh-CN", "page": 3}, {}, "zh", {"language": "fr"}, {"language": None}, None, 7]
    await worker.takes(*[click(n, f"i{n}", context=context) for n, context in enumerate(contexts)])
    assert [event.language for event in (await worker.state("u1")).ring] == ["zh", *[""] * 6]
    await worker.takes(click(7, "i7", context={"language": "EN"}))
    assert (await worker.state("u1")).ring[-1].language == "en"
    assert not worker.dead_letters()
