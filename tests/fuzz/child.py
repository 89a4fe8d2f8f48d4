"""Searches one target by coverage, in a process of its own, which libFuzzer takes over: started by `tests.fuzz`.

    python -m tests.fuzz.child TARGET FINDINGS CORPUS [libFuzzer's own options]

Inputs that reach something new are kept in CORPUS; what is found goes to FINDINGS at once, and the search goes on.
"""

import logging
import sys
import warnings
from hashlib import sha1
from pathlib import Path

from tests.fuzz.harness import FuzzFinding, Harness, machine_factor
from tests.fuzz.kept import write_seed
from tests.fuzz.mutate import Mutator
from tests.fuzz.table import TABLE

OURS = ["serving", "stream", "deploy"]


def main(name: str, findings: Path, corpus: Path, options: list[str]) -> None:
    """Search until the options say that it is enough."""
    import atheris  # the extra `fuzz`, which `make fuzz` installs

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    machine_factor()  # measured before coverage costs anything
    with atheris.instrument_imports(include=OURS):
        target = TABLE[name].make()

    def keep(finding: FuzzFinding) -> None:
        path = write_seed(findings, finding)
        path.with_suffix(".words").write_text(finding.words, "utf-8", "replace")

    harness = Harness(target, keep)
    for data in target.corpus:  # what imports late, and what is made once, is made here
        harness(data)
        (corpus / sha1(data).hexdigest()).write_bytes(data)
    # Looked up late: the library puts another function in its place when it begins.
    mutator = Mutator(target.form, target.words, lambda data, most: atheris.Mutate(data, most))  # noqa: PLW0108
    options = [sys.argv[0], str(corpus), f"-max_len={target.most_bytes}", *options]
    atheris.Setup(options, harness, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
