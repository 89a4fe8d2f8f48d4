"""The code on the pages for consumers and producers runs as it stands there, but for the address and the prefix."""

import re
from pathlib import Path

import pytest

from tests.conftest import Broker
from tests.support.client_topics import ListTopics, a_list

pytestmark = pytest.mark.kafka
DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_for_consumers(broker: Broker, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    topics = ListTopics(broker.bootstrap, prefix)
    topics.publish(("u1", a_list("u1", 1, "i9", "i3")), ("*", a_list("*", 1, "i7")))
    namespace: dict[str, object] = {}

    for block in blocks("consumers.md"):
        if "KafkaConsumer" not in block:  # which tests/acceptance/test_readme.py runs
            exec(block.replace('"127.0.0.1:9092"', f'"{broker.bootstrap}", "{prefix}"'), namespace)

    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"live \d+ s old \['i9', 'i3'\]", told[0])
    assert told[-1] == "u1: i9"
