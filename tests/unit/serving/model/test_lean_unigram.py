"""The tokenizer by sentencepiece against `tokenizers` on the default folder's file: the same tokens, for any text."""

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from serving.model.artifact import MANIFEST, TOKENIZER
from serving.model.lean_unigram import LeanUnigram, _fits, open_lean
from serving.model.tokenizer import PlainTokenizer, open_tokenizer

FOLDER = Path(os.environ.get("PENCHANT_MODEL") or Path(__file__).parents[4] / ".cache" / "models" / "default")
FILE = FOLDER / TOKENIZER
MOST = 64
pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not (FOLDER / MANIFEST).is_file(), reason=f"no model folder at {FOLDER}: `make setup`"),
]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_bytes())
    if not _fits(content):
        pytest.skip("the model of this folder has another tokenizer")
    return content


@pytest.fixture(scope="module")
def lean(told: dict[str, Any]) -> LeanUnigram:
    return LeanUnigram(told, MOST)


@pytest.fixture(scope="module")
def plain() -> PlainTokenizer:
    tokenizer = Tokenizer.from_file(str(FILE))
    tokenizer.enable_truncation(MOST)
    return PlainTokenizer(tokenizer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "query: ",
        "  two   spaces\tand\n\nlines ",
        "我喜欢看电影，尤其是科幻片",
        "ＡＢＣ full width, ﬁ and é and e\u0301",
        "a\u200db\u00adc\x00d\x1ce\x85f\u3000g",
        "👍 👨‍👩‍👧 🏳️‍🌈",
        "<s>a</s> <pad><unk><mask> < s>",
        "a<s>b",
        "▁ a▁b ▁",
        "＜s＞",
        "ꙮꙮꙮ ꙮ unknown",
        "word " * 200,
        "房间很大，早餐不错。" * 60,
        "<s>" * 200,
    ],
)
def test_the_same_tokens(lean: LeanUnigram, plain: PlainTokenizer, text: str) -> None:
    assert lean.ids([text]) == plain.ids([text])


@settings(max_examples=400)
@given(st.text(max_size=40) | st.text("ab 1=<>/s▁，。的是\u3000", max_size=40))
def test_any_text_is_cut_into_pieces_as_likely(
    lean: LeanUnigram, plain: PlainTokenizer, told: dict[str, Any], text: str
) -> None:
    """As likely, since of two ways that are equally so either may be taken."""
    clean = text.encode(errors="replace").decode()
    vocabulary = told["model"]["vocab"]

    (ours,), (theirs,) = lean.ids([clean]), plain.ids([clean])

    if ours != theirs and len(theirs) < MOST:
        assert ours.count(3) == theirs.count(3)
        assert sum(vocabulary[n][1] for n in ours) == pytest.approx(sum(vocabulary[n][1] for n in theirs), abs=1e-3)


def other(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def changed(told: dict[str, Any]) -> dict[str, Any]:
        small = {**told, "model": {**told["model"], "vocab": told["model"]["vocab"][:50]}}
        copy: dict[str, Any] = json.loads(json.dumps(small))
        change(copy)
        return copy

    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["model"].update(type="BPE"),
        lambda t: t["model"].update(byte_fallback=True),
        lambda t: t["normalizer"]["normalizers"].append({"type": "Lowercase"}),
        lambda t: t.update(normalizer=None),
        lambda t: t["pre_tokenizer"]["pretokenizers"].pop(),
        lambda t: t["pre_tokenizer"]["pretokenizers"][1].update(prepend_scheme="first"),
        lambda t: t["added_tokens"][0].update(lstrip=True),
        lambda t: t["added_tokens"][0].update(content="[CLS]"),
        lambda t: t["post_processor"].update(type="BertProcessing"),
        lambda t: t["model"]["vocab"].append(["a▁b", -1.0]),
    ],
)
def test_a_file_that_says_anything_else_is_left_to_tokenizers(
    told: dict[str, Any], change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    (tmp_path / TOKENIZER).write_text(json.dumps(other(change)(told)), encoding="utf-8")
    assert open_lean(tmp_path / TOKENIZER, MOST) is None


def test_a_small_file_of_its_kind_is_not(told: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / TOKENIZER).write_text(json.dumps(other(lambda _: None)(told)), encoding="utf-8")
    assert isinstance(open_tokenizer(tmp_path / TOKENIZER, MOST), LeanUnigram)


def test_without_sentencepiece_it_is_tokenizers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert isinstance(open_tokenizer(FILE, MOST), PlainTokenizer)
