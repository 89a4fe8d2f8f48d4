"""Sends a command about a user, and waits for its receipt."""

import time
import uuid

import msgspec

from deploy.events.jsonl import JsonLine
from deploy.events.line_producer import LineProducer
from penchant.errors import Misconfigured, Unavailable
from penchant.messages import Receipt
from penchant.topics import Topic
from serving.connections import Connections
from serving.files.message_splitter import BadLine
from serving.kafka.admin import end_offsets, partitions_of, reader


def send_command(settings: Connections, user: str, kind: str, timeout_s: float) -> Receipt:
    """Send a command of a kind (`erase`) about a user, signed if there is a key for it. Returns the receipt.

    Raises `Misconfigured` if the topics are missing or the user cannot be one, and `Unavailable` if no worker answers
    within `timeout_s`.
    """
    brokers, topics, keys = settings.brokers, settings.topics, settings.command_keys()
    command_id = f"{kind}-{uuid.uuid4()}"
    body = msgspec.json.encode({"command_id": command_id, "type": kind, "user_id": user})
    with reader(brokers) as consumer:
        receipts = partitions_of(consumer, topics.receipts)
        if not receipts:
            raise Misconfigured(
                f"the topic {topics.receipts} is missing, or this user may not see it: "
                "create it with `penchant topics create`, or check --prefix"
            )
        for partition, end in end_offsets(consumer, receipts).items():
            consumer.seek(partition, end)
        with LineProducer(brokers, topics, keys) as producer:
            refused = producer.send(JsonLine(1, Topic.COMMANDS, user.encode(), body))
        if isinstance(refused, BadLine):
            raise Misconfigured(f"the user's id cannot be sent: {refused.why}")
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=100).values():
                for record in records:
                    if record.key == command_id.encode() and record.value is not None:
                        return msgspec.json.decode(record.value, type=Receipt)
    raise Unavailable(
        f"no worker answered in {timeout_s:g} s: the command {command_id} stands on {topics.commands} and will be "
        "carried out by the first worker that runs; `penchant doctor` says what is missing"
    )
