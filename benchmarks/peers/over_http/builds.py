"""`python -m benchmarks.peers.over_http.builds`: Gorse and Serenade, built into .cache/peers with Go and with Rust.

    python -m benchmarks.peers.over_http.builds [gorse] [serenade]

Some ten minutes each on two cores. What cannot be had is said, in a sentence, and the others are built all the same.
Gorse's own forks of its dashboard and of the SQLite driver are not on every module proxy: without the first the pages
for its operators are missing, and instead of the second stands the driver that it is a fork of.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.over_http import gorse, serenade
from penchant.errors import Misconfigured
from serving.terminal.printing import complain, say

__all__ = ()

FOLDER = Path(".cache") / "peers"
_MODULE = "github.com/gorse-io/gorse"
_FORKED = "gorm.io/driver/sqlite@v1.6.0"
_NO_DASHBOARD_MODULE = """\
module github.com/gorse-io/dashboard

go 1.26

require github.com/rakyll/statik v0.1.8
"""
_NO_DASHBOARD = """\
package dashboard

import "github.com/rakyll/statik/fs"

// The pages of a dashboard that has none: an empty archive.
func init() {
	fs.Register("PK\\x05\\x06" + string(make([]byte, 18)))
}
"""
_LIBCLANG = "libclang==14.0.6"  # of later ones its bindgen makes names that Rust does not have


def program(name: str, folder: Path = FOLDER) -> Path:
    """Where a peer's program lies, or would."""
    return (folder / "bin" / name).absolute()


def build_gorse(folder: Path) -> None:
    """From the module proxy."""
    source, dashboard = folder / "gorse", folder / "gorse-dashboard"
    told = json.loads(_run(["go", "mod", "download", "-json", f"{_MODULE}@v{gorse.VERSION}"]))
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(told["Dir"], source)
    for path in (source, *source.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    dashboard.mkdir(exist_ok=True)
    (dashboard / "go.mod").write_text(_NO_DASHBOARD_MODULE)
    (dashboard / "dashboard.go").write_text(_NO_DASHBOARD)
    replaced = f"-replace=github.com/gorse-io/dashboard={dashboard.absolute()}"
    _run(["go", "mod", "edit", f"-dropreplace={_FORKED}", replaced], source)
    output = str(program("gorse", folder))
    _run(["go", "build", "-mod=mod", "-o", output, "./cmd/gorse-in-one"], source)


def build_serenade(folder: Path) -> None:
    """From crates.io; libclang, which one of its parts is built with, from a wheel."""
    tools = folder / "serenade-tools"
    venv.create(tools, with_pip=True)
    _run([str(tools / "bin" / "python"), "-m", "pip", "install", "-q", _LIBCLANG])
    (library,) = tools.glob("lib/python*/site-packages/clang/native")
    headers = _run(["gcc", "-print-file-name=include"]).strip()
    environment = {
        "LIBCLANG_PATH": str(library.absolute()),
        "BINDGEN_EXTRA_CLANG_ARGS": f"-I{headers}",
        "CARGO_TARGET_DIR": str((folder / "serenade-target").absolute()),
    }
    command = ["cargo", "install", f"serenade@{serenade.VERSION}", "--locked", "--bin", "serving"]
    _run([*command, "--root", str((folder / "serenade").absolute())], environment=environment)
    shutil.copy2(folder / "serenade" / "bin" / "serving", program("serenade", folder))


def _run(command: list[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    if shutil.which(command[0]) is None:
        raise Misconfigured(f"{command[0]} is not installed")
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Misconfigured(f"{' '.join(command[:3])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


_BUILDS = {"gorse": build_gorse, "serenade": build_serenade}


def main(names: list[str]) -> int:
    """Build those that are named, or all. Returns 0 if all are there."""
    failed = 0
    (FOLDER / "bin").mkdir(parents=True, exist_ok=True)
    for name in names or list(_BUILDS):
        if program(name).exists():
            say(f"{name}: there already, {program(name)}")
            continue
        try:
            _BUILDS[name](FOLDER)
            say(f"{name}: built, {program(name)}")
        except (Misconfigured, OSError) as error:
            failed += 1
            complain(f"{name} cannot be had here: {error}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
