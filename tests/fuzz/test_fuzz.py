"""The short run: every seed that was kept, and some thousand inputs of each target. `make fuzz` is the long one."""

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from penchant.errors import Misconfigured
from tests.conftest import missing
from tests.fuzz.harness import Harness
from tests.fuzz.kept import read_seed, seeds_of, write_seed
from tests.fuzz.mutate import Mutator
from tests.fuzz.search import SearchResult, shared_out
from tests.fuzz.table import TABLE
from tests.fuzz.target import Form, Target

INPUTS = 3000  # of a target that costs as much as most do
# NumPy says so of numbers that are too large for a float32; what comes of it is what the targets look at.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.mark.parametrize("name", TABLE)
def test_seeds_and_some_thousand_inputs_are_withstood(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")
    target = TABLE[name].make()
    harness, mutator = Harness(target), Mutator(target.form, target.words)
    begin = [*target.corpus, *(read_seed(path) for path in seeds_of(name))]
    for data in begin:
        harness(data)
    choose = random.Random(name)
    for _ in range(round(INPUTS * min(TABLE[name].share, 1.0))):
        data = mutator(choose.choice(begin), target.most_bytes, choose.randrange(2**32))
        harness(data)
        if len(begin) < 200 and choose.random() < 0.05:
            begin.append(data)
    found = "\n".join(f"{each.kind} by {each.data[:500]!r}\n{each.words}" for each in harness.found.values())
    assert not found, f"keep these in tests/fuzz/seeds/{name} and fix them:\n{found}"


def test_every_folder_of_seeds_is_a_target() -> None:
    assert {path.parent.name for path in (Path(__file__).parent / "seeds").glob("*/*")} <= set(TABLE)


def planted(data: bytes) -> None:
    """A decoder that has a bug for texts in which a numbered entity begins."""
    if b"&#" in json.loads(data)["text"].encode("utf-8", "replace"):
        raise LookupError("planted")


def test_a_planted_bug_is_found_by_changing_a_valid_message() -> None:
    corpus = [b'{"text": "fine"}']
    target = Target(run=planted, corpus=corpus, allowed=(ValueError, KeyError, TypeError, AttributeError), most_s=60)
    harness, mutator = Harness(target), Mutator(target.form)
    for n in range(20_000):
        if harness.found:
            break
        harness(mutator(corpus[0], 200, n))
    (finding,) = harness.found.values()
    assert finding.kind == "LookupError-test_fuzz-planted"
    assert b"&#" in finding.data


def test_what_takes_too_long_is_found() -> None:
    target = Target(run=lambda data: sum(range(2_000_000)) if data == b"slow" else None, corpus=[], most_s=0.001)  # type: ignore[arg-type]
    harness = Harness(target)
    for data in (b"quick", b"slow", b"quick"):
        harness(data)
    assert [(each.kind, each.data) for each in harness.found.values()] == [("slow", b"slow")]


LARGE = """
from tests.fuzz.harness import Harness
from tests.fuzz.target import Target
harness = Harness(Target(run=lambda data: b"x" * (len(data) * 2**20), corpus=[], most_s=60))
for megabytes in (1, 200, 1):
    harness(bytes(megabytes))
print([(each.kind, len(each.data)) for each in harness.found.values()])
"""


def test_what_takes_too_much_memory_is_found() -> None:
    """In a process of its own, started by a small one: the kernel's peak begins with that of the process before."""
    command = ["sh", "-c", '"$0" -c "$1"; exit $?', sys.executable, LARGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.strip() == "[('memory', 200)]"


def test_a_seed_is_written_as_text_and_read_as_it_was(tmp_path: Path) -> None:
    harness = Harness(Target(run=lambda data: data.decode(), corpus=[]))  # type: ignore[arg-type]
    data = bytes(range(256))
    harness(data)
    (finding,) = harness.found.values()
    path = write_seed(tmp_path / "some", finding)
    assert path.name == "UnicodeDecodeError-test_fuzz-lambda"
    assert read_seed(path) == data
    assert path.read_text("utf-8")


@pytest.mark.parametrize("form", Form)
def test_changes_depend_on_nothing_but_the_seed(form: Form) -> None:
    start = {Form.JSON: b'{"a": ["b", 1]}', Form.MSGPACK: b"\x81\xa1a\x92\xa1b\x01", Form.TEXT: b'a = "b"\nc = 1'}[form]
    runs = [[Mutator(form)(start, 500, seed) for seed in range(300)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 100
    assert max(map(len, runs[0])) <= 500


def test_inputs_are_shared_out_by_the_table() -> None:
    shares = shared_out(100_000, [*TABLE])
    assert set(shares) == set(TABLE)
    assert 100_000 <= sum(shares.values()) <= 100_000 + len(TABLE)


def test_the_search_by_coverage_reaches_further_than_where_it_began(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        missing(Misconfigured("no atheris here: `make fuzz` installs it"))
    command = [sys.executable, "-m", "tests.fuzz", "--target", "lines", "--inputs", "1000", "--folder", str(tmp_path)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = (SearchResult(**each) for each in json.loads(done.stdout))
    assert (result.target, result.inputs, result.findings) == ("lines", 1000, {})
    assert result.coverage > 20
    assert len([*(tmp_path / "corpus" / "lines").iterdir()]) > len(TABLE["lines"].make().corpus)
