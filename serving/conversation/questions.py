"""Questions in words, English or Chinese, each with choices that are ordinary events."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import msgspec

from serving.conversation.ambiguity import Doubt
from serving.files import toml_files

__all__ = ["Language", "Question", "language_in", "turned_down"]

Language = Literal["en", "zh"]
_ASKED_ABOUT = 3  # items of a satisfaction question


class Choice(msgspec.Struct, kw_only=True):
    """label: what the user reads. events: what choosing it says, to be sent as it is (`POST /v1/events`)."""

    label: str
    events: list[dict[str, Any]]


class Question(msgspec.Struct, kw_only=True):
    """kind: about what is wanted, or whether it was found. facet: the one that is asked about."""

    kind: Literal["clarify", "satisfaction"]
    text: str
    choices: list[Choice]
    facet: str | None = None


class Asked(NamedTuple):
    """Who is asked, in which language, and what ids of the answers' events begin with."""

    user_id: str
    language: Language
    event_id: str


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    clarify: str
    last: str
    between: str
    other: str
    unwanted: str
    parted: str
    satisfied: str
    none: str
    values: dict[str, str] = {}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    en: _Words
    zh: _Words


def clarifying(doubt: Doubt, asked: Asked) -> Question:
    """Which of the values is meant; the last choice says that none of them is.

    >>> from serving.conversation.ambiguity import Doubt
    >>> made = clarifying(Doubt("genre", ("Sci-Fi", "Western"), (0.5, 0.3)), Asked("u1", "en", "q-1"))
    >>> made.text, made.choices[0].label, made.choices[0].events[0]["text"]
    ('What do you have in mind: Sci-Fi or Western?', 'Sci-Fi', 'Sci-Fi')
    >>> made.choices[-1].events[0]["text"]
    'no Sci-Fi, no Western'
    """
    words = _words(asked.language)
    labels = [_called(value, words) for value in doubt.values]
    listed = words.last.join([words.between.join(labels[:-1]), labels[-1]])
    texts = [*doubt.values, turned_down(doubt.values, asked.language)]
    return Question(
        kind="clarify",
        text=words.clarify.format(values=listed),
        choices=[
            Choice(label=label, events=[_said(text, number, asked)])
            for number, (label, text) in enumerate(zip([*labels, words.other], texts, strict=True), 1)
        ],
        facet=doubt.facet,
    )


def turned_down(values: Sequence[str], language: Language) -> str:
    """What somebody says who wants none of these."""
    words = _words(language)
    return words.parted.join(words.unwanted.format(value=value) for value in values)


def satisfaction(items: Sequence[tuple[str, str]], asked: Asked) -> Question | None:
    """Whether one of the first items, each with its title, is what was looked for. None without items."""
    words, first = _words(asked.language), items[:_ASKED_ABOUT]
    if not first:
        return None
    liked = [
        Choice(label=title or item_id, events=[_done(item_id, "like", at, asked)])
        for at, (item_id, title) in enumerate(first, 1)
    ]
    dismissed = [_done(item_id, "dismiss", at, asked) for at, (item_id, _) in enumerate(first, 1)]
    return Question(
        kind="satisfaction", text=words.satisfied, choices=[*liked, Choice(label=words.none, events=dismissed)]
    )


def language_in(text: str) -> Language:
    """Chinese where there are Chinese characters and no kana, which Japanese has beside them; else English.

    >>> language_in("我喜欢看电影"), language_in("ホラー映画"), language_in("horror films")
    ('zh', 'en', 'en')
    """
    kana = any("\u3040" <= each <= "\u30ff" for each in text)
    return "zh" if not kana and any("\u4e00" <= each <= "\u9fff" for each in text) else "en"


def _said(text: str, number: int, asked: Asked) -> dict[str, Any]:
    event_id, context = f"{asked.event_id}-{number}", {"language": asked.language}
    return {"user_id": asked.user_id, "text": text, "event_id": event_id, "context": context}


def _done(item_id: str, kind: str, position: int, asked: Asked) -> dict[str, Any]:
    event_id = f"{asked.event_id}-{kind}-{position}"
    return {"user_id": asked.user_id, "item_id": item_id, "type": kind, "event_id": event_id, "position": position}


def _called(value: str, words: _Words) -> str:
    return words.values.get(value.lower(), value)


@cache
def _read() -> _File:
    return toml_files.parse(toml_files.read_text(files("serving.conversation").joinpath("words.toml")), _File)


def _words(language: Language) -> _Words:
    return _read().zh if language == "zh" else _read().en
