"""docs/messages.md has every field of every message, in the classes' own words, and examples that are read."""

import json

import msgspec
import pytest

from penchant.messages import MESSAGES
from tests.architecture.messages_page import EXAMPLES, PAGE, inside, page, summary, words

CLASSES = list(dict.fromkeys(each for message in MESSAGES.values() for each in [message, *inside(message)]))
CLEAR = {"user_id", "item_id", "topic", "partition", "offset"}  # by their names


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text("utf-8")

    assert text == page(text), "a message has changed: run `make docs`"


def test_every_message_is_shown() -> None:
    assert EXAMPLES.keys() == MESSAGES.keys()


@pytest.mark.parametrize("suffix", EXAMPLES)
def test_an_example_is_one(suffix: str) -> None:
    decoder = json.JSONDecoder()
    text, shown = EXAMPLES[suffix], list[dict[str, object]]()
    while text.strip():
        one, end = decoder.raw_decode(text.lstrip())
        shown.append(one)
        text = text.lstrip()[end:]

    for one in shown:
        assert one.keys() <= set(MESSAGES[suffix].__struct_fields__)
        msgspec.convert(one, MESSAGES[suffix])


@pytest.mark.parametrize("message", CLASSES, ids=lambda cls: str(cls.__name__))
def test_a_message_is_described_in_a_sentence(message: type[msgspec.Struct]) -> None:
    assert summary(message).endswith(".")


@pytest.mark.parametrize("message", [MESSAGES[name] for name in ("clicks.v1", "reviews.v1", "items.v1", "commands.v1")])
def test_a_field_that_producers_write_is_described(message: type[msgspec.Struct]) -> None:
    silent = set(message.__struct_fields__) - words(message).keys() - CLEAR

    assert not silent, f"{message.__name__}: say in its docstring what these are: {sorted(silent)}"
