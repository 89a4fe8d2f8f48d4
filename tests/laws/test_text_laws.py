"""Whatever a visitor writes: cleaning and cutting never raise, and make text that can be encoded."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from serving.model.negation import split
from serving.model.texts import MAX_CHARS, clean

DIGITS = st.integers(1, 6_000)
# What the cleaning knows by name, so that it meets it often: entities, markup, marks, halves of pairs.
FRAGMENTS = st.one_of(
    st.sampled_from(
        [
            "<!--",
            "-->",
            "<script>",
            "</script >",
            "<STYLE",
            "</style>",
            "<a href='",
            ">",
            "<",
            "&",
            ";",
            "&amp;",
            "&#",
            "&#x",
        ]
    ),
    st.builds(lambda n, digit, end: f"&#{digit * n}{end}", DIGITS, st.sampled_from("0159"), st.sampled_from(["", ";"])),
    st.builds(lambda n, digit, x: f"&#{x}{digit * n};", DIGITS, st.sampled_from("0aF"), st.sampled_from("xX")),
    st.sampled_from(
        ["\ud800", "\udfff", "\ud83d", "\ude00", "\x00", "\x1b[2J", "\u202e", "\u2066", "\ufeff", "\U000e0041"]
    ),
    st.builds(lambda n, mark: "e" + mark * n, st.integers(1, 40), st.sampled_from("\u0301\u0316\u0345\u05b0\u0344")),
    st.sampled_from(
        ["\u1100\u1161\u11a8", "\u0958", "\ufb1d", "İ", "ß", "ﬁ", "👩\u200d👩\u200d👧", "🇩🇪", "\uffff", "\U0010ffff"]
    ),
    st.sampled_from(
        ["not ", "no more ", "别再推荐", "不要", "the ", "是", ", ", "，", " or ", "。", "is too ", "no thanks"]
    ),
)
WRITTEN = st.lists(FRAGMENTS | st.text(st.characters(), max_size=20), max_size=30).map("".join)
_UNFIT = {"Cc", "Cs", "Co", "Cn"}


@given(WRITTEN)
def test_whatever_is_written_becomes_plain_text(raw: str) -> None:
    cleaned = clean(raw)
    assert cleaned.encode().decode() == cleaned
    assert len(cleaned) <= MAX_CHARS
    assert cleaned == " ".join(cleaned.split())
    assert not any(unicodedata.category(c) in _UNFIT for c in cleaned)


@given(WRITTEN)
def test_whatever_is_written_is_cut_into_what_is_wanted_and_what_is_not(raw: str) -> None:
    """Given any text, also one that was not cleaned, when it is cut, then nothing is made up that it does not say."""
    intent = split(raw)
    if not intent.unwanted:
        assert intent.wanted == raw
    plain = raw.replace("’", "'")
    for part in (intent.wanted, intent.unwanted):
        assert all(piece in plain for piece in part.split(", ")) or not intent.unwanted


@given(WRITTEN)
def test_a_cleaned_text_is_cut_into_text_that_can_be_encoded(raw: str) -> None:
    intent = split(clean(raw))
    assert (intent.wanted + intent.unwanted).encode() or not clean(raw)
