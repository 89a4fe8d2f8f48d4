"""Texts made fit for the encoder."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.model.texts import MAX_CHARS, clean


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("", ""),
        (" \t\n\u3000 ", ""),
        ("A good film.", "A good film."),
        ("<p>Great <b>cast</b></p>", "Great cast"),
        ("Tom &amp; Jerry&nbsp;&hearts;", "Tom & Jerry ♥"),
        ("<script>alert('x')</script>ok", "ok"),
        ("<style>p {color: red}</style>ok<!-- no > no -->", "ok"),
        ("3 < 5 and 5 > 3", "3 < 5 and 5 > 3"),
        ("I <3 this", "I <3 this"),
        ("soooooo good!!!!!!", "sooo good!!!"),
        ("好好好好好好看", "好好好看"),
        ("👍👍👍👍👍 👍👍", "👍👍👍"),
        ("😀🎬❤️😀🎬❤️", "😀🎬❤"),
        ("it cost 10000000", "it cost 10000000"),
        ("a\x00b\x07c", "a b c"),
        ("e\u0301", "é"),
        ("我喜欢看电影，尤其是科幻片", "我喜欢看电影，尤其是科幻片"),
        ("x \ud800 y", "x y"),
        ("good &#" + "9" * 4_301 + "; film", "good \ufffd film"),
        ("good &#x" + "F" * 5_000 + "; film", "good \ufffd film"),
        ("&#" + "0" * 5_000 + "65; film", "A film"),
        ("&#xD800;&#0;&#x110000; film", "\ufffd\ufffd\ufffd film"),
        ("a" + "\u0316\u0301" * 1_000 + " b", "á" + "\u0316" * 3 + "\u0301" * 3 + " b"),
        ("<!-- a --> good <!-- b <script>c</script>", "good <!-- b"),
        ("x <b <!-- y --> z > w", "x <b z > w"),
    ],
)
def test_texts_are_cleaned(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_a_long_text_is_cut() -> None:
    assert clean("ab " * MAX_CHARS) == ("ab " * MAX_CHARS)[:MAX_CHARS].strip()


def test_markup_may_take_as_much_room_as_the_text() -> None:
    assert clean("<b>" + "<i></i>" * 500 + "good") == "good"


@given(st.text(max_size=300))
def test_whatever_comes_the_encoder_gets_plain_text(raw: str) -> None:
    cleaned = clean(raw)
    assert len(cleaned) <= MAX_CHARS
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} for c in cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert not re.search(r"([^\d\s])\1{3}", cleaned)
