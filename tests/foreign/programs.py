"""Programs in other languages, built once into .cache/foreign: producers told what to do, and the examples."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.performance.apache_kafka import ROOT, fetch_jars
from penchant.errors import Misconfigured
from tests.foreign.plans import SendPlan

HERE = Path(__file__).parent
BUILT = ROOT / ".cache" / "foreign"
BUILD_S, RUN_S = 800, 600


def franz_go(bootstrap: str, plan: SendPlan) -> None:
    """Carry out a plan with franz-go. Raises Misconfigured without Go, RuntimeError if it fails."""
    _run([str(_built("franz_go", HERE / "franz_go", _build_go) / "produce")], bootstrap, plan)


def java(bootstrap: str, plan: SendPlan) -> None:
    """Carry out a plan with Java's client. Raises Misconfigured without a JDK, RuntimeError if it fails."""
    folder = _built("java", HERE / "java", _build_java)
    # Small and quick to start, as a test's other half.
    command = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}:{fetch_jars()}/*"]
    _run([*command, "Produce"], bootstrap, plan)


def example_in_java() -> list[str]:
    """The command of examples/java. Raises Misconfigured without a JDK."""
    folder = _built("example_java", ROOT / "examples" / "java", _build_example)
    return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{folder}:{fetch_jars()}/*", "FollowLists"]


def example_in_javascript(name: str) -> list[str]:
    """The command of a file of examples/javascript. Raises Misconfigured without Node and npm."""
    folder = _built("example_javascript", ROOT / "examples" / "javascript", _install)
    return ["node", str(folder / name)]


def _build_example(source: Path, into: Path) -> None:
    _needs("javac", "the example is compiled with a JDK (Debian: apt-get install openjdk-17-jdk-headless)")
    _build(["javac", "-cp", f"{fetch_jars()}/*", "-d", str(into), "FollowLists.java"], source)


def _install(source: Path, into: Path) -> None:
    for tool in ("node", "npm"):
        _needs(tool, "the examples run on Node 18 (Debian: apt-get install nodejs npm)")
    shutil.copytree(source, into, dirs_exist_ok=True)
    _build(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"], into)


def _build_go(source: Path, into: Path) -> None:
    _needs("go", "franz-go's producer is built with Go (Debian: apt-get install golang-go)")
    _build(["go", "build", "-buildvcs=false", "-o", str(into / "produce"), "."], source)


def _build_java(source: Path, into: Path) -> None:
    _needs("javac", "Java's producer is compiled with a JDK (Debian: apt-get install openjdk-17-jdk-headless)")
    _build(["javac", "-cp", f"{fetch_jars()}/*", "-d", str(into), "Produce.java"], source)


def _built(name: str, source: Path, build: Callable[[Path, Path], None]) -> Path:
    """The folder of a program, made from its sources as they stand unless it is there."""
    digest = hashlib.sha256()
    for file in sorted(source.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    folder = BUILT / f"{name}-{digest.hexdigest()[:12]}"
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in two processes
        if not folder.exists():
            made = BUILT / f"{name}.new"
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            build(source, made)
            made.rename(folder)  # last: what was built halfway is built again
    return folder


def _needs(tool: str, words: str) -> None:
    if shutil.which(tool) is None:
        raise Misconfigured(f"{tool} is not installed: {words}")


def _build(command: Sequence[str], source: Path) -> None:
    done = subprocess.run(
        command, cwd=source, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=BUILD_S
    )
    if done.returncode != 0:
        raise Misconfigured(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _run(command: Sequence[str], bootstrap: str, plan: SendPlan) -> None:
    done = subprocess.run(command, input=plan.as_json(bootstrap), capture_output=True, check=False, timeout=RUN_S)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stderr.decode()[-4000:]}")
