"""Texts made fit for the encoder."""

import re
import unicodedata
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.texts import MAX_BYTES, MAX_CHARS, clean


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
    ],
)
def test_texts_are_cleaned(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_a_long_text_is_cut() -> None:
    assert clean("ab " * MAX_CHARS) == ("ab " * MAX_CHARS)[:MAX_CHARS].strip()


def test_markup_may_take_as_much_room_as_the_text() -> None:
    assert clean("<b>" + "<i></i>" * 500 + "good") == "good"


@pytest.mark.parametrize(
    "hostile",
    ["<!--", "<script>", "<script </script", "<a", "😀😀😀 ", "😀" + " " * 50, "&#x0;", "<" * 10 + "a", "&" * 9],
)
def test_no_text_takes_long(hostile: str) -> None:
    """32 KB of what a regular expression likes least: seconds would stop the partition's stream."""
    began = perf_counter()
    clean((hostile * MAX_BYTES)[:MAX_BYTES])
    assert perf_counter() - began < 2.0


@settings(deadline=None)
@given(st.text(max_size=300))
def test_whatever_comes_the_encoder_gets_plain_text(raw: str) -> None:
    cleaned = clean(raw)
    assert len(cleaned) <= MAX_CHARS
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} for c in cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert not re.search(r"([^\d\s])\1{3}", cleaned)
