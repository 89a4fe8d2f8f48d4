"""The head that `make setup` makes, on texts that nobody would argue about."""

import pytest

from penchant.errors import Misconfigured
from serving.model.encoder import Encoder
from tests.conftest import missing

pytestmark = pytest.mark.model

PRAISE = [
    "这本书写得太好了，强烈推荐，孩子非常喜欢",
    "酒店很干净，服务热情，下次还会来住",
    "A wonderful film: warm, funny, and beautifully acted. I loved every minute.",
    "Great value, works perfectly, and I would buy it again.",
]
BLAME = [
    "质量太差了，用了两天就坏，非常失望",
    "房间又脏又吵，服务态度恶劣，再也不会来了",
    "A dull, clumsy mess. I walked out after an hour and regret the money.",
    "It broke after two days. A waste of money, avoid it.",
]


def test_praise_is_told_from_blame_in_both_languages(encoder: Encoder) -> None:
    if encoder.sentiment is None:
        missing(Misconfigured("no head for sentiment in the model folder: `make setup` makes it"))
    assert encoder.sentiment is not None

    praised, blamed = (encoder.sentiment.of(encoder.embed(texts, "query")) for texts in (PRAISE, BLAME))

    assert praised.min() > 0
    assert blamed.max() < 0
    assert praised.mean() > 0.5
    assert blamed.mean() < -0.5
