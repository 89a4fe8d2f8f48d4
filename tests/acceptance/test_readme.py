"""The producer and the consumer that the README shows work as they stand there, but for the address and the prefix."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.system import System

pytestmark = [pytest.mark.kafka, pytest.mark.model]
README = Path(__file__).parents[2] / "README.md"


def program(containing: str, system: System) -> list[str]:
    """A command that runs the README's Python block with this word in it."""
    blocks: list[str] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    block = next(block for block in blocks if containing in block)
    here = block.replace("127.0.0.1:9092", system.bootstrap).replace('"penchant.', f'"{system.topics.prefix}.')
    return [sys.executable, "-W", "ignore", "-u", "-c", here]


def test_a_plain_producer_and_a_plain_consumer(shared: System) -> None:
    """Given the README's producer, when it has run, then the README's consumer prints u1's list with reasons."""
    shared.publish([{"item_id": "i1", "title": "Far Planet (1999)", "facets": {"genre": ["Sci-Fi"], "domain": "film"}}])
    subprocess.run(program("KafkaProducer", shared), check=True, timeout=60)
    with subprocess.Popen(program("KafkaConsumer", shared), stdout=subprocess.PIPE, text=True) as consumer:
        assert consumer.stdout is not None
        try:
            line = next(line for line in consumer.stdout if line.startswith("u1 i1 "))
        finally:
            consumer.kill()
    assert re.fullmatch(r"u1 i1 -?\d+\.\d+ \S.*\n", line)
