"""Topics and messages as AsyncAPI 3 has them, made from `penchant.topics` and `penchant.messages`.

Schemas are those of JSON Schema's draft 07, which AsyncAPI extends: tuples are `items` there, not `prefixItems`.
"""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Literal

import msgspec

from penchant.messages import MESSAGES
from penchant.topics import Key, Plan, Topic, Topics
from serving.kafka.brokers import Brokers

__all__ = ["asyncapi"]

_BINDING = "0.5.0"
_Action = Literal["send", "receive"]
_REF = "#/components/schemas/{name}"
_ABOUT: dict[Topic, tuple[str, tuple[_Action, ...]]] = {
    Topic.CLICKS: ("What users do: views, clicks, carts, purchases, likes, dismissals, ratings.", ("receive",)),
    Topic.REVIEWS: ("What users write: reviews of items, and statements.", ("receive",)),
    Topic.COMMANDS: ("Retract an event, merge two users, erase one.", ("receive",)),
    Topic.ITEMS: ("The catalogue; null removes an item.", ("receive",)),
    Topic.ITEM_VECTORS: ("Items with their vectors, for every worker.", ("send", "receive")),
    Topic.COVISITS: ("What was interacted with after what, for the item statistics.", ("send", "receive")),
    Topic.RECOMMENDATIONS: ("Everybody's list; null after an erasure; under `*` what trends.", ("send",)),
    Topic.RECEIPTS: ("What was done about a command.", ("send",)),
    Topic.AUDIT: ("Who commanded what, and what was done; users are digests.", ("send",)),
}
_CLOUD_EVENT = {
    "type": "object",
    "description": "CloudEvents in binary mode, for who sends them; fields of the message win.",
    "properties": {name: {"type": "string"} for name in ("ce_id", "ce_type", "ce_time", "ce_source", "ce_specversion")},
}
_DEAD_LETTER = {
    "type": "object",
    "properties": {
        f"penchant.{name}": {"type": "string"}
        for name in (
            "error",
            "message",
            "stage",
            "topic",
            "partition",
            "offset",
            "time",
            "version",
            "attempts",
        )
    },
    "required": ["penchant.error", "penchant.topic"],
}


def asyncapi(topics: Topics, brokers: Brokers) -> dict[str, Any]:
    """The document, with the topics' full names."""
    plans = {plan.name: plan for plan in topics.plan(1)}
    described = [topic for topic in Topic if topic in _ABOUT]
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic in described:
        name, (what, actions) = _id(topic), _ABOUT[topic]
        channels[name] = _channel(topics.name(topic), what, {name: _message_ref(name)}, plans)
        operations |= {f"{action}-{name}": _operation(action, name, name) for action in actions}
        if topic.value.dead_letters:
            dead = f"{name}-dead-letters"
            about = f"What came on {topics.name(topic)} and could not be used: its key and its bytes, and why."
            channels[dead] = _channel(topics.dlq(topic), about, {dead: _message_ref(dead)}, plans)
            operations[f"send-{dead}"] = _operation("send", dead, dead)
    _, definitions = msgspec.json.schema_components(list(MESSAGES.values()), ref_template=_REF)
    protocol = "kafka" if brokers.security.protocol == "PLAINTEXT" else "kafka-secure"
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Penchant",
            "version": version("penchant"),
            "description": "Events in, refreshed lists out. `receive`: what Penchant reads; `send`: what it writes.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            f"kafka-{at}": {"host": host, "protocol": protocol} for at, host in enumerate(brokers.servers.split(","), 1)
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {name: message for topic in described for name, message in _messages(topic)},
            "schemas": _draft_07(definitions),
        },
    }


def _id(topic: Topic) -> str:
    """clicks.v1 is `clicks` among channels, whose names have no dots in other tools."""
    return topic.value.suffix.partition(".")[0]


def _channel(address: str, what: str, messages: dict[str, Any], plans: dict[str, Plan]) -> dict[str, Any]:
    plan = plans[address]
    configuration: dict[str, Any] = {
        "cleanup.policy": plan.configs["cleanup.policy"].split(","),
        "retention.ms": int(plan.configs["retention.ms"]),
        "max.message.bytes": int(plan.configs["max.message.bytes"]),
    }
    binding = {"topic": address, "topicConfiguration": configuration}
    return {
        "address": address,
        "description": what,
        "messages": messages,
        "bindings": {"kafka": {**binding, "bindingVersion": _BINDING}},
    }


def _operation(action: _Action, channel: str, message: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }


def _message_ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/messages/{name}"}


def _messages(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    """The topic's message, and that of its dead letters."""
    name, kind = _id(topic), MESSAGES[topic.value.suffix]
    key = {"type": "string", "description": f"The {topic.value.key.value}."}
    message: dict[str, Any] = {
        "name": kind.__name__,
        "title": kind.__name__,
        "contentType": "application/json",
        "payload": {"$ref": _REF.format(name=kind.__name__)},
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }
    if topic.value.dead_letters:
        message["headers"] = _CLOUD_EVENT
    if topic.value.compacted and topic.value.key in {Key.USER, Key.ITEM}:
        message["payload"] = {"anyOf": [message["payload"], {"type": "null"}]}
    yield name, message
    if topic.value.dead_letters:
        dead = f"{name}-dead-letters"
        bytes_as_sent = {"description": "The bytes as they were sent, whatever they are."}
        yield dead, {"name": dead, "title": dead, "headers": _DEAD_LETTER, "payload": bytes_as_sent}


def _draft_07(node: Any) -> Any:
    """A schema of 2020-12 as msgspec makes it, in the older draft's words."""
    if isinstance(node, list):
        return [_draft_07(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _draft_07(value) for name, value in node.items()}
    if "prefixItems" in made:
        made["additionalItems"] = made.pop("items", True)
        made["items"] = made.pop("prefixItems")
    return made
