"""Record batches: what a foreign producer may write is read, and what cannot be read hides nothing else."""

import struct
from collections.abc import Sequence
from typing import Any

import cramjam
import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from penchant.kafka import record_batches as batches
from penchant.kafka.batch_records import Unreadable, records
from penchant.kafka.codecs import Codec, Unopenable, decompress
from penchant.kafka.record_batches import Aborted, has_batch, read
from serving.kafka.asynchronous import parsed_by_aiokafka
from tests.support.batches import PACKERS, TRANSACTIONAL, batch, marker, record


def values(
    raw: bytes, since: int = 0, aborted: Sequence[tuple[int, int]] = (), parse: Any = parsed_by_aiokafka
) -> list[Any]:
    pieces = [piece for each in read(raw, since, Aborted.of(aborted), parse) for piece in each.pieces]
    return [piece if isinstance(piece, Unreadable) else piece.value for piece in pieces]


@pytest.mark.parametrize("codec", PACKERS)
@pytest.mark.parametrize("parse", [parsed_by_aiokafka, records])
def test_every_codec_is_opened(codec: int, parse: Any) -> None:
    raw = batch(7, [record(n, b"value %d" % n, headers=[(b"h", b"x")]) for n in range(40)], codec)

    (found,) = read(raw, 9, Aborted.of([]), parse)

    assert [piece.value for piece in found.pieces] == [b"value %d" % n for n in range(2, 40)]
    assert [piece.offset for piece in found.pieces] == list(range(9, 47))
    assert found.following == 47
    assert list(found.pieces[0].headers) == [("h", b"x")]
    assert found.pieces[0].timestamp == 1002


def test_java_frames_its_snappy_in_blocks() -> None:
    blocks = [bytes(cramjam.snappy.compress_raw(part)) for part in (b"one", b"two" * 1000)]
    framed = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + b"".join(struct.pack(">i", len(b)) + b for b in blocks)

    assert decompress(Codec.SNAPPY, framed, 10_000) == b"one" + b"two" * 1000
    for cut in (framed[:-1], framed[:18], framed + b"\0\0\0\0"):
        with pytest.raises(Unopenable):
            decompress(Codec.SNAPPY, cut, 10_000)


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD])
def test_what_is_small_on_the_wire_does_not_fill_the_memory(codec: int) -> None:
    bomb = batch(3, [record(0, bytes(batches.MOST_OPENED_BYTES))], codec)
    after = batch(4, [record(0, b"after")])

    first, second = values(bomb + after)

    assert isinstance(first, Unreadable)
    assert (first.first, first.last, first.raw) == (3, 3, bomb)
    assert "more than" in first.why
    assert second == b"after"


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD, 5, 7])
def test_a_batch_that_its_codec_does_not_open_hides_no_other(codec: int) -> None:
    tail = struct.pack(">hiqqqhii", codec, 2, 1, 1, -1, 0, 0, 3) + b"no such thing"
    raw = struct.pack(">qiibI", 5, len(tail) + 9, 0, 2, crc32c(tail)) + tail

    first, second = values(raw + batch(8, [record(0, b"after")]))

    assert isinstance(first, Unreadable)
    assert (first.first, first.last, first.whole) == (5, 7, True)
    assert second == b"after"


def test_a_header_whose_name_is_not_utf8_costs_one_record() -> None:
    parts = [record(0, b"a"), record(1, b"b", headers=[(b"tr\xffce", b"x"), (b"fine", b"y")]), record(2, b"c")]

    first, second, third = values(batch(0, parts))

    assert (first, third) == (b"a", b"c")
    assert isinstance(second, Unreadable)
    assert (second.first, second.last, second.key, second.raw) == (1, 1, b"k", b"b")
    assert second.headers == (("tr\\xffce", b"x"), ("fine", b"y"))
    assert not second.whole


def test_an_altered_byte_costs_one_batch_and_never_more() -> None:
    whole = batch(0, [record(n, b"x") for n in range(3)])
    after = batch(3, [record(0, b"after")])
    for at in range(12, len(whole)):  # not the frame: that is tried below
        raw = bytearray(whole + after)
        raw[at] ^= 0xFF
        found = values(bytes(raw))
        assert found[-1] == b"after", at


@given(st.binary(max_size=200), st.integers(0, 1000))
def test_no_bytes_raise(junk: bytes, since: int) -> None:
    position = since
    for each in read(junk, since, Aborted.of([]), parsed_by_aiokafka):
        assert each.following >= position
        position = each.following
    assert has_batch(junk) in {True, False}


@given(st.data())
def test_spoiled_batches_raise_nothing_and_move_on(data: st.DataObject) -> None:
    codec = data.draw(st.sampled_from(list(PACKERS)))
    raw = bytearray(batch(5, [record(n, b"value") for n in range(3)], codec) + batch(8, [record(0, b"after")]))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):  # a checksum that is right for what is wrong
        length = struct.unpack_from(">i", raw, 8)[0]
        if 0 <= length <= len(raw) - 12:
            struct.pack_into(">I", raw, 17, crc32c(bytes(raw[21 : 12 + length])))
    position = 5
    for each in read(bytes(raw), 5, Aborted.of([]), parsed_by_aiokafka):
        assert each.following >= position
        for piece in each.pieces:
            offset = piece.last if isinstance(piece, Unreadable) else piece.offset
            assert offset >= position
        position = each.following


def test_aborted_transactions_and_markers_are_passed_over() -> None:
    raw = b"".join(
        [
            batch(0, [record(0, b"plain")]),
            batch(1, [record(0, b"never")], attributes=TRANSACTIONAL, producer=7),
            batch(2, [record(0, b"other")], attributes=TRANSACTIONAL, producer=8),
            marker(3, 7, abort=True),
            batch(4, [record(0, b"later")], attributes=TRANSACTIONAL, producer=7),
            marker(5, 7, abort=False),
            marker(6, 8, abort=False),
        ]
    )

    assert values(raw, aborted=[(7, 1)]) == [b"plain", b"other", b"later"]
    *_, last = read(raw, 0, Aborted.of([(7, 1)]), parsed_by_aiokafka)
    assert last.following == 7


def test_what_compaction_took_from_the_end_of_a_batch_moves_the_position() -> None:
    (found,) = read(batch(0, [record(0, b"left")], last=9), 0, Aborted.of([]), parsed_by_aiokafka)

    assert found.following == 10


def test_a_batch_that_is_cut_short_comes_with_the_next_fetch() -> None:
    whole = batch(0, [record(0, b"x")])

    assert values(whole + whole[:-1]) == [b"x"]
    assert not has_batch(whole[:-1])


def test_a_record_of_more_than_is_taken_keeps_its_beginning() -> None:
    large = bytes(batches.MOST_RECORD_BYTES + 1)

    first, second = values(batch(0, [record(0, large), record(1, b"b")], Codec.ZSTD))

    assert isinstance(first, Unreadable)
    assert first.too_large
    assert first.cut is not None
    assert first.cut.length == len(large)
    assert len(first.raw or b"") == batches.KEPT_BYTES
    assert second == b"b"


@pytest.mark.parametrize("parse", [parsed_by_aiokafka, records])
def test_a_record_stands_within_its_batch_and_behind_the_one_before(parse: Any) -> None:
    """Else reading would go on far ahead, and what lies between be lost, or come back to what was read."""
    behind = batch(13, [record(0, b"next")])
    for deltas in ((0, 9, 2), (0, 2**40, 2), (1, 0, 2), (0, 0, 2), (-5, 1, 2)):
        raw = batch(10, [record(delta, b"value %d" % n) for n, delta in enumerate(deltas)])
        found = list(read(raw + behind, 10, Aborted.of([]), parse))
        offsets = [piece.last if isinstance(piece, Unreadable) else piece.offset for piece in found[0].pieces]
        assert offsets == sorted(set(offsets))
        assert set(offsets) <= {10, 11, 12}
        assert any(isinstance(piece, Unreadable) for piece in found[0].pieces)
        assert [each.following for each in found] == [13, 14]
        assert found[1].pieces[0].value == b"next"


@pytest.mark.parametrize("parse", [parsed_by_aiokafka, records])
def test_more_records_than_places_are_left_out(parse: Any) -> None:
    raw = batch(10, [record(n, b"value %d" % n) for n in range(4)], last=11)
    (found,) = read(raw, 10, Aborted.of([]), parse)
    assert [piece.value for piece in found.pieces] == [b"value 0", b"value 1"]
    assert found.following == 12
