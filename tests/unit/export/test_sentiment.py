"""The head of a model folder: its arithmetic, what is refused, how it is trained and put in place, how it is judged."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from benchmarks.sentiment import auc, evaluate
from export import bundle
from export.labelled import Labelled, draw, held_out, read_file
from export.sentiment import Lesson, embed, fit, learn, right_by_set
from penchant.errors import BrokenArtifact, FingerprintMismatch, Misconfigured
from serving.model.artifact import MANIFEST, MODEL, open_artifact
from serving.model.sentiment import FORMAT, SENTIMENT, About, Sentiment, read_sentiment, write_sentiment
from tests.support.colours import Colours, colours

LINEAR = np.array([2.0, 0.0, -2.0], np.float32)
FORM = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
ABOUT = About(FORMAT, "rgb-1", {})


def write(path: Path, head: Sentiment | None = None, about: About = ABOUT) -> Path:
    write_sentiment(path, head or Sentiment(LINEAR, FORM, 0.5), about)
    return path


def with_head(folder: Path, fingerprint: str = "", bias: float = 0.5) -> None:
    """Give a folder a head, for its own vectors unless others are named."""
    with bundle.renewed(folder) as (scratch, manifest):
        about = About(FORMAT, fingerprint or manifest["fingerprint"], {})
        write(scratch / SENTIMENT, Sentiment(LINEAR, FORM, bias), about)
        bundle.add(scratch, manifest, SENTIMENT)


def test_a_head_is_a_sum_by_component_and_by_pairs_of_them(tmp_path: Path) -> None:
    head = read_sentiment(write(tmp_path / "h.npz"), "rgb-1", 3)

    said = head.of(np.array([[1, 0, 0], [0, 0, 1], [0.6, 0.8, 0]], np.float32))

    assert said.dtype == np.float32
    assert said.tolist() == pytest.approx([np.tanh(1.25), np.tanh(-0.75), np.tanh((1.2 + 0.96 + 0.5) / 2)])


@pytest.mark.parametrize(
    ("head", "about", "error", "words"),
    [
        (None, About(FORMAT, "e5s-00000000", {}), FingerprintMismatch, "for vectors of e5s-00000000, not of rgb-1"),
        (None, About(FORMAT + 1, "rgb-1", {}), BrokenArtifact, "upgrade penchant"),
        (
            Sentiment(LINEAR[:2], FORM[:2, :2], 0.0),
            ABOUT,
            BrokenArtifact,
            r"linear is float32 \(2,\), not float32 \(3,\)",
        ),
    ],
)
def test_a_head_that_does_not_fit_is_refused(
    tmp_path: Path, head: Sentiment | None, about: About, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_sentiment(write(tmp_path / "h.npz", head, about), "rgb-1", 3)


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04 cut short"])
def test_what_is_no_head_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "h.npz"
    file.write_bytes(content)
    with pytest.raises(BrokenArtifact, match="cannot be read"):
        read_sentiment(file, "rgb-1", 3)
    with pytest.raises(BrokenArtifact, match="cannot be read"):
        read_sentiment(tmp_path / "none.npz", "rgb-1", 3)


def test_a_head_that_claims_to_be_larger_than_it_is_takes_no_memory(tmp_path: Path) -> None:
    file = write(tmp_path / "h.npz")
    large = tmp_path / "large.npz"
    with ZipFile(file) as whole, ZipFile(large, "w") as changed:
        for name in whole.namelist():
            changed.writestr(name, whole.read(name).replace(b"(3, 3), ", b"(10**9,)"))
    with pytest.raises(BrokenArtifact, match="cannot be read"):
        read_sentiment(large, "rgb-1", 3)


def test_a_head_with_numbers_that_are_none_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "h.npz", Sentiment(LINEAR, FORM, float("nan")))
    with pytest.raises(BrokenArtifact, match="bias has numbers that are none"):
        read_sentiment(file, "rgb-1", 3)


@pytest.mark.parametrize(("at", "bits"), [(6, 1), (8, 99)], ids=["locked by a password", "packed by an unknown method"])
def test_a_zip_of_another_kind_is_refused(tmp_path: Path, at: int, bits: int) -> None:
    file = write(tmp_path / "h.npz")
    content = bytearray(file.read_bytes())
    for mark, field in ((b"PK\x03\x04", at), (b"PK\x01\x02", at + 2)):
        place = -1
        while (place := content.find(mark, place + 1)) >= 0:
            content[place + field] |= bits
    file.write_bytes(content)
    with pytest.raises(BrokenArtifact, match="cannot be read"):
        read_sentiment(file, "rgb-1", 3)


def test_a_folder_with_a_head_has_the_fingerprint_that_it_had_without(folder: Path) -> None:
    before = open_artifact(folder)
    with_head(folder)
    after = open_artifact(folder)

    assert before.sentiment is None
    assert after.sentiment is not None
    assert after.sentiment.form.tolist() == FORM.tolist()
    assert after.fingerprint == before.fingerprint
    with_head(folder, bias=-1.0)
    again = open_artifact(folder).sentiment
    assert again is not None
    assert again.bias == -1.0


def test_a_head_that_was_altered_is_refused_and_can_be_replaced(folder: Path) -> None:
    with_head(folder)
    (folder / SENTIMENT).write_text("{}", "utf-8")
    with pytest.raises(BrokenArtifact, match=r"sentiment\.npz was altered"):
        open_artifact(folder)

    with_head(folder)
    assert open_artifact(folder).sentiment is not None


def test_a_head_for_other_vectors_changes_nothing_in_the_folder(folder: Path) -> None:
    with_head(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    with pytest.raises(FingerprintMismatch):
        with_head(folder, fingerprint="another-1")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_head_goes_into_a_model_folder_only(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(BrokenArtifact, match="no model folder"):
        with_head(tmp_path / "nowhere")
    (folder / MODEL).unlink()
    with pytest.raises(BrokenArtifact, match=r"model\.onnx"):
        with_head(folder)
    assert (folder / MANIFEST).exists()


def test_training_finds_the_line_that_the_labels_were_made_by() -> None:
    random = np.random.default_rng(5)
    vectors = random.normal(size=(4000, 3))
    points = vectors @ np.array([3.0, -1.0, 0.0]) + 0.5
    labels = (random.random(4000) < 0.5 * (1 + np.tanh(points / 2))).astype(float)

    weights, bias = fit(vectors, labels)

    assert [*weights, bias] == pytest.approx([3.0, -1.0, 0.0, 0.5], abs=0.25)
    assert fit(vectors, labels)[1] == bias


def test_a_head_learns_two_languages_that_say_the_same_otherwise() -> None:
    """The first component is the language; what praises in one blames in the other."""
    random = np.random.default_rng(7)
    vectors = random.normal(0, 0.3, size=(600, 4))
    vectors[:, 0] = np.repeat([1.0, -1.0], 300) + random.normal(0, 0.05, 600)
    labels = (vectors[:, 1] * np.sign(vectors[:, 0]) > 0).astype(float)

    head, unseen = learn(vectors.astype(np.float32), labels, strength=0.1)

    said = head.of(vectors.astype(np.float32))
    assert ((said > 0) == (labels == 1)).mean() > 0.97
    assert np.abs(said).max() <= 1.0
    assert ((unseen > 0) == (labels == 1)).mean() > 0.95


def test_what_a_left_out_text_gets_is_from_a_head_that_has_not_seen_it() -> None:
    random = np.random.default_rng(6)
    vectors = random.normal(0, 0.5, size=(60, 5)).astype(np.float32)
    labels = (random.random(60) < 0.5).astype(float)

    _, unseen = learn(vectors, labels, strength=0.5)

    kernel = vectors @ vectors.T + (vectors @ vectors.T) ** 2 + 1
    alone = np.empty(60)
    for place in range(60):
        others = np.arange(60) != place
        shares = np.linalg.solve(kernel[others][:, others] + 0.5 * np.eye(59), 2 * labels[others] - 1)
        alone[place] = kernel[place, others] @ shares
    stretch, shift = np.polyfit(alone, unseen, 1)
    assert unseen == pytest.approx(stretch * alone + shift, abs=1e-4)
    lesson = Lesson(vectors, labels, np.array(["a"] * 30 + ["b"] * 30))
    assert right_by_set(lesson, unseen)["b"] == round(float(np.mean((unseen > 0)[30:] == (labels == 1)[30:])), 4)


def test_points_are_log_odds() -> None:
    random = np.random.default_rng(8)
    vectors = random.normal(0, 0.4, size=(1500, 6)).astype(np.float32)
    labels = (random.random(1500) < 0.5 * (1 + np.tanh(2 * vectors[:, 0]))).astype(float)

    praise = 0.5 * (1 + learn(vectors, labels)[0].of(vectors))

    for low in (0.1, 0.3, 0.5, 0.7):
        some = (praise >= low) & (praise < low + 0.2)
        assert labels[some].mean() == pytest.approx(praise[some].mean(), abs=0.1)


def test_texts_are_embedded_in_the_order_of_their_sets() -> None:
    encoder = colours(Colours())
    texts = {"a": [Labelled(1, "red"), Labelled(0, "blue")], "b": [Labelled(0, "green")]}
    told: list[int] = []

    lesson = embed(encoder, texts, told.append)

    assert lesson.vectors.tolist() == encoder.embed(["red", "blue", "green"], "query").tolist()
    assert (lesson.labels.tolist(), lesson.sets.tolist(), sum(told)) == ([1.0, 0.0, 0.0], ["a", "a", "b"], 3)


def test_a_draw_is_always_the_same_and_never_of_both_sides() -> None:
    texts = [Labelled(n % 2, f"text {n}") for n in range(1000)]
    judged, learned = draw(texts, 2000, held_out), draw(texts, 2000, lambda text: not held_out(text))

    assert judged == draw(texts, 2000, held_out)
    assert draw(texts, 10, held_out) == judged[:10]
    assert {*judged, *learned} == set(texts)
    assert not {*judged} & {*learned}
    assert 150 < len(judged) < 250


def test_a_file_of_texts_is_read_or_refused_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "texts.tsv"
    file.write_text("1\t太好看了\n0\tweak\tand long\n", "utf-8")
    assert read_file(file) == [Labelled(1, "太好看了"), Labelled(0, "weak and long")]
    for content, words in (("1\tgood\n2\tbad\n", "line 2"), ("1\tgood\n", "both labels"), ("1 good\n", "line 1")):
        file.write_text(content, "utf-8")
        with pytest.raises(Misconfigured, match=words):
            read_file(file)
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_file(tmp_path / "none.tsv")


def test_figures_are_those_of_the_definition(tmp_path: Path) -> None:
    head = read_sentiment(write(tmp_path / "h.npz", Sentiment(LINEAR, 0 * FORM, 0.0)), "rgb-1", 3)
    vectors = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 1], [0.5, 0, 0]], np.float32)

    figures = evaluate(head, vectors, np.array([1.0, 0.0, 1.0, 0.0]))

    # One of the two that praise is on the wrong side; of four pairs it loses one and ties one.
    assert (figures.n, figures.accuracy, figures.auc) == (4, 0.5, 0.625)
    assert auc(np.array([0.0, 1.0]), np.array([1.0, 0.0])) == 0.0
    # Each counts .7 without a head: .3 from the best rating, .7 from the worst.
    assert figures.preference_error_without == pytest.approx(0.5, abs=1e-3)
    liking, half = np.tanh(1.0), np.tanh(0.5)
    praised, blamed = 0.3 - 0.3 * liking, 0.7 - 0.7 * liking
    assert figures.preference_error == pytest.approx((praised + blamed + 1 - blamed + 0.7 + 0.3 * half) / 4, abs=1e-3)
