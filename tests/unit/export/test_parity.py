"""The gate's arithmetic, and the choice among what passes it."""

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from export.__main__ import choose, first_that_passes, markdown
from export.candidates import Candidate, Measured
from export.gate.parity import Figures, Gate, batch_difference, measure, nearest, overlap
from export.gate.reference import Reference, centre
from export.gate.speed import in_step
from export.quantize import Scheme
from penchant.errors import BelowGate, Misconfigured
from serving.model.processor import CLASSES, processor_class
from serving.model.tokens import Ids

GOOD = Figures(0.97, 0.9999, 0.999, 1e-7, 2000, 300)


def embed(ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
    """A text's row: the mean direction of its token ids on a circle, which no other text touches."""
    angles = ids / 10.0
    rows = np.stack([(np.cos(angles) * mask).sum(axis=1), (np.sin(angles) * mask).sum(axis=1)], axis=1)
    unit: npt.NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def disturbed(ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
    """The same, but a text's row leans with the number of texts in its batch."""
    return embed(ids, mask) + np.float32(0.01 * (len(ids) > 1))


@pytest.fixture
def reference() -> Reference:
    ids = {"query": [[token] for token in range(0, 30, 5)], "passage": [[token, token + 1] for token in range(40)]}
    rows = {
        "query": embed(np.array(ids["query"]), np.ones((6, 1), np.int64)),
        "passage": embed(np.array(ids["passage"]), np.ones((40, 2), np.int64)),
    }
    zero = np.zeros(2, np.float32)
    return Reference(
        ids={"query": ids["query"], "passage": ids["passage"]},
        pad_id=0,
        rows={"query": rows["query"], "passage": rows["passage"]},
        centres={"query": zero, "passage": zero},
    )


def test_the_reference_against_itself_is_perfect(reference: Reference) -> None:
    figures = measure(embed, reference)
    assert figures.overlap == 1
    assert figures.cosine_worst == pytest.approx(1, abs=1e-6)
    assert figures.batch_difference < 1e-6
    assert (figures.passages, figures.queries) == (40, 6)


def test_another_geometry_is_seen(reference: Reference) -> None:
    def mirrored(ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        return (
            embed(ids, mask)[:, ::-1].copy() * np.array([1, -1], np.float32) if ids.shape[1] > 1 else embed(ids, mask)
        )

    figures = measure(mirrored, reference)
    assert figures.overlap < 0.9
    assert figures.cosine_worst < 0.9


def test_a_vector_that_depends_on_its_batch_is_seen(reference: Reference) -> None:
    assert batch_difference(embed, reference.ids["passage"], 0) < 1e-6
    assert batch_difference(disturbed, reference.ids["passage"], 0) == pytest.approx(0.01, rel=1e-3)


def test_nearest_are_judged_after_centring() -> None:
    # Seen from the origin the first passage is nearer to the query; seen from the centre, the second.
    rows = {"query": np.array([[1.0, 0.0]], np.float32), "passage": np.array([[1.0, 0.1], [1.0, -0.2]], np.float32)}
    rows["passage"] /= np.linalg.norm(rows["passage"], axis=1, keepdims=True)
    zero = np.zeros(2, np.float32)
    assert nearest(rows, {"query": zero, "passage": zero})[0, 0] == 0  # type: ignore[arg-type]
    low = np.array([0.9, 0.1], np.float32)
    assert nearest(rows, {"query": low, "passage": low})[0, 0] == 1  # type: ignore[arg-type]


def test_overlap_counts_sets_not_orders() -> None:
    assert overlap(np.array([[1, 2, 3, 4]]), np.array([[4, 3, 2, 1]])) == 1
    assert overlap(np.array([[1, 2, 3, 4]]), np.array([[1, 9, 8, 7]])) == 0.25


def test_the_centre_weighs_groups_alike() -> None:
    rows = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    assert centre(rows, [3, 1]).tolist() == [0.5, 0.5]


def test_the_gate_s_limits() -> None:
    assert Gate().failures(GOOD) == []
    assert Gate().failures(dataclasses.replace(GOOD, overlap=0.95, batch_difference=1e-3)) == []
    low = Gate().failures(dataclasses.replace(GOOD, overlap=0.9499, batch_difference=2e-2))
    assert low == ["top-10 overlap 0.950 is below 0.95", "a vector changes by 2.0e-02 with its batch, above 0.001"]
    assert len(Gate().failures(dataclasses.replace(GOOD, overlap=float("nan"), batch_difference=float("nan")))) == 2


def test_the_gate_is_lowered_by_name() -> None:
    assert Gate().lowered(["overlap=0.7", "batch=0.05"]) == Gate(0.7, 0.05)
    assert Gate().lowered([]) == Gate(0.95, 1e-3)


@pytest.mark.parametrize("setting", ["cosine=0.9", "overlap", "overlap=low", "=1"])
def test_a_limit_that_the_gate_does_not_have_is_refused(setting: str) -> None:
    with pytest.raises(Misconfigured, match="--lower-gate"):
        Gate().lowered([setting])


def candidate(scheme: Scheme, ms: float, size: int, figures: Figures = GOOD) -> Candidate:
    return Candidate(scheme, Path("nowhere"), size, figures, {"1x16": ms, "32x64": 50 * ms})


def test_the_fastest_of_those_that_pass_is_chosen() -> None:
    hasty = candidate(Scheme.INT8_DYNAMIC, 1, 100, dataclasses.replace(GOOD, overlap=0.8))
    slow, quick = candidate(Scheme.FP32, 8, 400), candidate(Scheme.INT8_WEIGHT_ONLY, 5, 500)
    assert choose([hasty, slow, quick], Gate()) is quick
    assert choose([hasty, slow, quick], Gate(overlap=0.7)) is hasty


def test_timings_within_a_quarter_are_a_tie_and_the_smaller_wins() -> None:
    small, quick = candidate(Scheme.INT8_WEIGHT_ONLY, 6.2, 100), candidate(Scheme.FP32, 5, 400)
    assert choose([small, quick], Gate()) is small


@pytest.mark.parametrize("seed", range(20))
def test_a_busy_machine_does_not_change_the_ratio_of_two_schemes(seed: int) -> None:
    """Given one that takes 1.12 times as long, and a machine that is up to five times as slow now and then."""
    random = np.random.default_rng(seed)
    busy = np.repeat(random.choice([1.0, 1.0, 2.0, 5.0], 20), 5)
    times = {name: ms * busy * random.uniform(1.0, 1.1, 100) for name, ms in (("fp32", 50.0), ("int8", 56.0))}
    told = in_step({name: each.tolist() for name, each in times.items()})
    assert told["int8"] / told["fp32"] == pytest.approx(1.12, rel=0.03)


def test_below_the_gate_everybody_s_figures_are_told() -> None:
    low = candidate(
        Scheme.INT8_DYNAMIC, 1, 118_000_000, dataclasses.replace(GOOD, overlap=0.789, batch_difference=0.02)
    )
    with pytest.raises(BelowGate, match=r"(?s)int8-dynamic: top-10 overlap 0.789.*--lower-gate overlap=.*0\.789.*118"):
        choose([low], Gate())
    assert BelowGate.exit_code == 3


def test_the_table_is_markdown() -> None:
    lines = markdown([candidate(Scheme.FP32, 5, 470_000_000)]).splitlines()
    assert {line.count("|") for line in lines} == {8}
    assert lines[2].startswith("| fp32 | 0.970 | 0.9999 / 0.9990 | 1e-07 | 470 | 5.0 | 250.0 |")


def test_a_default_that_does_not_pass_here_is_followed_by_the_next() -> None:
    low = candidate(Scheme.BF16, 1, 100, dataclasses.replace(GOOD, batch_difference=2e-3))
    made: dict[tuple[Scheme, ...], list[Candidate]] = {
        (Scheme.BF16,): [low],
        (Scheme.INT8_WEIGHT_ONLY,): [candidate(Scheme.INT8_WEIGHT_ONLY, 2, 100)],
    }

    def measured(schemes: tuple[Scheme, ...]) -> Measured:
        return Measured(reference=None, candidates=made[schemes])  # type: ignore[arg-type]

    _, chosen = first_that_passes(list(made), measured, Gate())
    assert chosen.scheme is Scheme.INT8_WEIGHT_ONLY
    _, chosen = first_that_passes(list(made), measured, Gate(batch=0.01))
    assert chosen.scheme is Scheme.BF16
    with pytest.raises(BelowGate, match="bf16"):
        first_that_passes([(Scheme.BF16,)], measured, Gate())


def test_every_default_is_a_scheme_for_a_cpu() -> None:
    for each in CLASSES:
        assert all("cpu" in Scheme(name).traits.providers for name in each.schemes)
    assert not CLASSES[-1].has
    assert processor_class() in CLASSES
