"""The AsyncAPI document: whole, and true of the messages on the page."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from deploy.asyncapi import asyncapi
from penchant.messages import MESSAGES
from penchant.topics import Topics
from serving.kafka.brokers import Brokers
from tests.architecture.messages_page import EXAMPLES
from tests.support.command import penchant

DOCUMENT = asyncapi(Topics("penchant"), Brokers("k1:9092,k2:9092"))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def found(reference: str) -> Any:
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_every_reference_is_to_something() -> None:
    named = set(references(DOCUMENT))

    assert len(named) > len(MESSAGES)
    assert all(found(each) for each in named)


def test_every_topic_with_messages_is_a_channel_under_the_prefix() -> None:
    topics = Topics("shop")
    channels = penchant("schemas", "--asyncapi", "--prefix", "shop").json["channels"].values()

    addresses = {channel["address"] for channel in channels}
    assert {f"shop.{name}" for name in MESSAGES} <= addresses
    assert addresses <= {plan.name for plan in topics.plan(1)}
    assert topics.clicks + ".dlq" in addresses


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_page_are_as_the_document_says(name: str) -> None:
    (channel,) = [each for each in DOCUMENT["channels"].values() if each["address"] == f"penchant.{name}"]
    (message,) = channel["messages"].values()
    schema = {**found(message["$ref"])["payload"], "components": DOCUMENT["components"]}

    examples, rest = [], EXAMPLES[name].strip()
    while rest:
        example, end = json.JSONDecoder().raw_decode(rest)
        examples.append(example)
        rest = rest[end:].strip()

    for example in examples:
        jsonschema.validate(example, schema, jsonschema.Draft7Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"user_id": 7, "item_id": 7}, schema, jsonschema.Draft7Validator)


def test_every_message_is_sent_or_received() -> None:
    operated = {each["channel"]["$ref"] for each in DOCUMENT["operations"].values()}

    assert operated == {f"#/channels/{name}" for name in DOCUMENT["channels"]}
    assert {each["action"] for each in DOCUMENT["operations"].values()} == {"send", "receive"}
