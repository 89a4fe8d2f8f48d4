"""`python -m tests.supply licences | sbom FILE | advisories PIP_AUDIT`: what `make audit` and `make sbom` run."""

import argparse
import json
import sys
from pathlib import Path

from tests.supply import advisories, licences, sbom
from tests.supply.packages import SHIPPED, TOOLS, installed

VERSIONS = Path(__file__).parents[2] / "constraints.txt"


def main() -> int:
    """Do what was asked. Returns 1 if something is found that is not taken."""
    parser = argparse.ArgumentParser(prog="python -m tests.supply", description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    jobs.add_parser("licences", help="list those of all packages, and check them")
    jobs.add_parser("sbom", help="write a bill of materials").add_argument("file", type=Path)
    jobs.add_parser("advisories", help="look up known holes").add_argument("pip_audit", type=Path)
    asked = parser.parse_args()
    if asked.job == "sbom":
        bill = sbom.bill(installed(SHIPPED))
        asked.file.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
        print(f"{asked.file}: {len(bill['components'])} packages and programs")
        return 0
    return list_licences() if asked.job == "licences" else list_advisories(asked.pip_audit)


def list_licences() -> int:
    """A line a package, then what is wrong."""
    packages = installed(SHIPPED + TOOLS)
    shipped = {package.name for package in installed(SHIPPED)}
    for package in packages:
        where = "shipped" if package.name in shipped else "tool"
        print(f"{package.name:<28} {package.version:<18} {where:<8} {package.licence or '-'}")
    wrong = licences.trouble(packages)
    for words in wrong:
        print(words, file=sys.stderr)
    print(f"licences: {len(packages)} packages, {len(wrong)} not taken")
    return 1 if wrong else 0


def list_advisories(pip_audit: Path) -> int:
    """A line a hole, then how many were looked up."""
    looked = advisories.look_up(pip_audit, VERSIONS)
    for hole in looked.holes:
        print(hole)
    print(looked.words)
    return 1 if looked.holes else 0


if __name__ == "__main__":
    sys.exit(main())
