"""An export from an embeddings endpoint: the folder that it leaves, and when it leaves none."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import export.__main__
from export.__main__ import main
from export.gate.texts import Texts
from penchant.errors import BelowGate
from serving.model.artifact import open_artifact
from serving.model.encoder import load_encoder
from tests.support.embeddings_service import KEY, Service, service
from tests.support.tiny_encoder import WIDTH

COLOURS = ("red", "green", "blue")
THINGS = ("film", "shoes", "bread", "green film", "red bread", "blue shoes")
TEXTS = Texts(
    {"goods": [f"{colour} {thing}" for colour in COLOURS for thing in THINGS], "films": ["film", "blue film film"]},
    {"wishes": [*COLOURS, "blue bread"]},
)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(export.__main__, "load", lambda _: TEXTS)
    monkeypatch.setenv("PENCHANT_EMBEDDINGS_KEY", KEY)
    with service(tmp_path) as made:
        yield made


def run(served: Service, out: Path, *options: str) -> Result:
    arguments = ["--endpoint", served.url, "--endpoint-model", "owner/tiny-e5", "--out", str(out), "--json", *options]
    return CliRunner().invoke(main, arguments)


def test_the_folder_has_the_centre_of_what_was_answered_and_no_key(served: Service, tmp_path: Path) -> None:
    done = run(served, tmp_path / "out")

    assert done.exit_code == 0, done.output
    manifest = json.loads(done.stdout)
    assert (manifest["dim"], manifest["endpoint"]) == (WIDTH, {"url": served.url, "model": "owner/tiny-e5"})
    assert manifest["prefixes"] == {"query": "query: ", "passage": "passage: "}
    assert manifest["parity"]["batch_difference"] < 1e-3
    groups = TEXTS.passages.values()
    means = [served.reader.rows([f"passage: {t}" for t in group], lambda _: None).mean(axis=0) for group in groups]
    assert open_artifact(tmp_path / "out").centres["passage"] == pytest.approx(np.mean(means, axis=0), abs=1e-5)
    assert KEY not in "".join(path.read_bytes().decode(errors="replace") for path in (tmp_path / "out").iterdir())
    assert load_encoder(tmp_path / "out").embed(["red"], "query").shape == (1, WIDTH)


def test_it_asks_for_fewer_numbers_where_told(served: Service, tmp_path: Path) -> None:
    assert json.loads(run(served, tmp_path / "out", "--dim", "4").stdout)["dim"] == 4


def test_it_waits_where_it_is_asked_to(served: Service, tmp_path: Path) -> None:
    served.trouble += [(429, {"Retry-After": "0"}, b"{}")] * 3
    assert run(served, tmp_path / "out").exit_code == 0


def test_vectors_that_lean_on_their_batch_are_refused(served: Service, tmp_path: Path) -> None:
    served.leaning = 0.1

    done = run(served, tmp_path / "out")

    assert isinstance(done.exception, BelowGate)
    assert "--lower-gate batch=NUMBER" in str(done.exception)
    assert not (tmp_path / "out").exists()
    assert run(served, tmp_path / "out", "--lower-gate", "batch=0.5").exit_code == 0
