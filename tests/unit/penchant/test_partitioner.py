"""The partitioner is that of Java's and of kafka-python's producers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as theirs

from penchant.partitioner import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_javas_client(key: bytes, expected: int) -> None:
    """The values are those of Kafka's own test (UtilsTest.testMurmur2)."""
    assert murmur2(key) == expected % 2**32


@given(st.binary(max_size=40))
def test_the_hash_is_that_of_kafka_python(key: bytes) -> None:
    assert murmur2(key) == theirs(key)


def test_a_key_of_text_lies_where_its_bytes_do() -> None:
    assert partition_of("21", 1000) == partition_of(b"21", 1000) == (-973932308 & 0x7FFFFFFF) % 1000
    assert partition_of("物品", 7) == partition_of("物品".encode(), 7)
