"""Topics of lists and items on a real broker, written to as a worker writes."""

from contextlib import closing

import msgspec
from kafka import KafkaProducer

from deploy.topics.create import create_topics
from penchant.messages import ItemVector, ListItem, RecommendationList
from penchant.topics import Topics

PARTITIONS = 4
NEVER = "2126-11-22T10:00:00Z"


def a_list(user_id: str, version: int, *items: str) -> bytes:
    """A list as it stands on the topic."""
    message = RecommendationList(
        user_id=user_id,
        version=version,
        generated_at="2026-11-22T10:00:00Z",
        expires_at=NEVER,
        fingerprint="f",
        path="trending" if user_id == "*" else "live",
        cause=None,
        folded=[],
        items=[ListItem(item, 1.0, "content") for item in items or (f"of-{version}",)],
    )
    return msgspec.json.encode(message)


class ListTopics:
    """The topics of one prefix, and a producer for them."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap = bootstrap
        self.topics = Topics(prefix)
        create_topics(bootstrap, self.topics, PARTITIONS, replication=1)

    def publish(self, *lists: tuple[str, bytes | None]) -> None:
        """Lists by user; None for an erased one."""
        self._send(self.topics.recommendations, *lists)

    def items(self, *items: tuple[str, bytes | None]) -> None:
        """Items by id; None for a removed one."""
        self._send(self.topics.items, *items)

    def embedded(self, items: dict[str, dict[str, object]]) -> None:
        """Items as workers embed them, with these fields."""
        usual = {"title": "t", "available": True, "revision": "r", "fingerprint": "f", "vector": "", "facets": {}}
        made = {
            item_id: msgspec.convert({"item_id": item_id, **usual, **given}, ItemVector)
            for item_id, given in items.items()
        }
        records = ((item_id, msgspec.json.encode(item)) for item_id, item in made.items())
        self._send(self.topics.item_vectors, *records)

    def _send(self, topic: str, *records: tuple[str, bytes | None]) -> None:
        with closing(KafkaProducer(bootstrap_servers=self.bootstrap, acks="all")) as producer:
            sent = [producer.send(topic, key=key.encode(), value=value) for key, value in records]
            for each in sent:
                each.get(30)
