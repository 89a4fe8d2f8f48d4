"""librdkafka and the embedded broker, which `penchant local` starts: codecs and idempotence go, transactions do not."""

import pytest

from tests.conftest import ON_APACHE
from tests.foreign.cases import assert_folded, likes
from tests.foreign.librdkafka import produce
from tests.foreign.plans import SendPlan
from tests.foreign.segments import CODECS
from tests.support.system import System

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.model,
    pytest.mark.skipif(ON_APACHE, reason="test_librdkafka.py has the same on Apache Kafka"),
]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_folded(system: System, codec: str) -> None:
    sent = likes(system)
    produce(system.bootstrap, SendPlan(tuple(sent.values()), codec=codec, linger_ms=200))
    assert_folded(system, sent)


def test_an_idempotent_producer_is_folded(system: System) -> None:
    sent = likes(system)
    produce(system.bootstrap, SendPlan(tuple(sent.values()), codec="lz4", idempotent=True))
    assert_folded(system, sent)
