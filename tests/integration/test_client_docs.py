"""The code on the pages for consumers and producers runs as it stands there, but for the address and the prefix."""

import json
import re
from pathlib import Path

import pytest

from serving.kafka.admin import read_topic
from tests.conftest import Broker
from tests.support.client_topics import ListTopics, a_list

pytestmark = pytest.mark.kafka
DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def run(page: str, broker: Broker, prefix: str) -> None:
    """All blocks, one after another, but for the endless one, which tests/acceptance/test_readme.py runs."""
    namespace: dict[str, object] = {}
    for block in blocks(page):
        if "KafkaConsumer" in block:
            continue
        here = block.replace('("127.0.0.1:9092"', f'("{broker.bootstrap}", "{prefix}"')
        exec(here.replace("127.0.0.1:9092", broker.bootstrap).replace('"penchant.', f'"{prefix}.'), namespace)


def test_the_page_for_consumers(broker: Broker, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    topics = ListTopics(broker.bootstrap, prefix)
    topics.publish(("u1", a_list("u1", 1, "i9", "i3")), ("*", a_list("*", 1, "i7")))

    run("consumers.md", broker, prefix)

    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"live \d+ s old \['i9', 'i3'\]", told[0])
    assert told[-1] == "u1: i9"


def test_the_page_for_producers(broker: Broker, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    topics = ListTopics(broker.bootstrap, prefix).topics

    run("producers.md", broker, prefix)

    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"Delivery\(topic='{topics.clicks}', partition=\d, offset=\d+\)", told[0])
    assert told[1:] == [topics.clicks, "bad_rating the rating is 11.0, outside its scale [1.0, 5.0]"]
    clicks = [json.loads(record.value) for record in read_topic(broker.bootstrap, topics.clicks)]
    assert [click["type"] for click in clicks] == ["click", "rate", "like", "purchase", "click"]
    assert len(list(read_topic(broker.bootstrap, topics.items))) == 2
    assert len(list(read_topic(broker.bootstrap, topics.reviews))) == 1
