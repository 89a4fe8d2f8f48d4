"""The commands of docs/running.md that give each role its rights give those that stand in its table."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

from tests.support.secured_kafka import RIGHTS

PAGE = Path(__file__).parents[3] / "docs" / "running.md"
Right = tuple[str, str, str]  # role, topic or group, operation


def given() -> set[Right]:
    """What bash hands to kafka-acls.sh, command by command."""
    (block,) = re.findall(r"```bash\n(acl\(\).*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    told = 'kafka-acls.sh() { printf "%s\\n" "$@"; echo end; }\n'
    ran = subprocess.run(["bash", "-eu", "-c", told + block], capture_output=True, text=True, check=True, timeout=600)
    rights: set[Right] = set()
    for command in ran.stdout.split("end\n")[:-1]:
        words = command.replace("--topic=", "--topic\n").splitlines()
        options = [(name, value) for name, value in pairwise(words) if name.startswith("--")]
        role = next(value for name, value in options if name == "--allow-principal").removeprefix("User:penchant-")
        prefixed = ("--resource-pattern-type", "prefixed") in options
        for operation in (value for name, value in options if name == "--operation"):
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()
            rights |= {
                (role, f"{value}*" if prefixed else value, snake)
                for name, value in options
                if name in {"--topic", "--group"}
            }
    return rights


def test_the_commands_give_what_the_table_says() -> None:
    wanted: set[Right] = set()
    for role, (reads, writes, group, more) in RIGHTS.items():
        wanted |= {(role, f"penchant.{topic}", "READ") for topic in reads}
        wanted |= {(role, f"penchant.{topic}", "WRITE") for topic in writes}
        wanted |= {(role, "penchant-worker", operation) for operation in group}
        wanted |= {(role, "penchant.*", operation) for operation in more}

    assert given() == wanted
