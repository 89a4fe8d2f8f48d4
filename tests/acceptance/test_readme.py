"""The producer and the consumer that the README shows work as they stand there, but for the address and the prefix."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.system import System

pytestmark = [pytest.mark.kafka, pytest.mark.model]
ROOT = Path(__file__).parents[2]


def program(containing: str, system: System, page: str = "README.md") -> list[str]:
    """A command that runs a page's Python block with this word in it."""
    blocks: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    block = next(block for block in blocks if containing in block)
    block = block.replace('("127.0.0.1:9092")', f'("127.0.0.1:9092", "{system.topics.prefix}")')
    here = block.replace("127.0.0.1:9092", system.bootstrap).replace('"penchant.', f'"{system.topics.prefix}.')
    return [sys.executable, "-W", "ignore", "-u", "-c", here]


@pytest.mark.parametrize(
    ("page", "consumer", "expected"),
    [
        ("README.md", "Recommendations", r"u1 live \[.*'i1'.*\]\n"),
        ("docs/consumers.md", "KafkaConsumer", r"u1 i1 -?\d+\.\d+ \S.*\n"),
    ],
)
def test_a_plain_producer_and_a_plain_consumer(shared_small: System, page: str, consumer: str, expected: str) -> None:
    """Given the README's producer, when it has run, then the page's consumer prints u1's list."""
    film = {"item_id": "i1", "title": "Far Planet (1999)", "facets": {"genre": ["Sci-Fi"], "domain": "film"}}
    shared_small.publish([film])
    subprocess.run(program("EventProducer", shared_small), check=True, timeout=300)
    with subprocess.Popen(program(consumer, shared_small, page), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            assert any(re.fullmatch(expected, line) for line in running.stdout)
        finally:
            running.kill()
