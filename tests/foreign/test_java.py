"""Java's own client: idempotent by default, every codec, transactions."""

import pytest

from benchmarks.performance.apache_kafka import ApacheKafka
from tests.foreign.cases import aborted_never_counts, folded_in_codec, markers_cost_nothing
from tests.foreign.plans import KafkaClient
from tests.foreign.segments import CODECS
from tests.support.system import System

pytestmark = [pytest.mark.kafka, pytest.mark.model]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_folded(system: System, kafka: ApacheKafka, by_java: KafkaClient, codec: str) -> None:
    folded_in_codec(system, kafka, by_java, codec, codec)


def test_its_defaults_are_folded(system: System, kafka: ApacheKafka, by_java: KafkaClient) -> None:
    folded_in_codec(system, kafka, by_java, None, "none")


def test_what_was_aborted_never_counts(system: System, by_java: KafkaClient) -> None:
    aborted_never_counts(system, by_java, "java")


def test_markers_cost_nothing(system: System, by_java: KafkaClient) -> None:
    markers_cost_nothing(system, by_java)
