"""`penchant` is what other people's code imports: it stands alone, beside packages of theirs called as ours are."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import penchant
from tests.architecture.test_installs import declared, resolved
from tests.architecture.tree import PACKAGES, ROOT

OTHERS = sorted(set(PACKAGES) - {"penchant"})
MAY_LOAD = {"msgspec", "typing_extensions"}  # msgspec looks for the other; both are called as their distributions

# One of each message, as it stands on its topic.
EXAMPLES: dict[str, dict[str, object]] = {
    "clicks.v1": {"user_id": "u1", "item_id": "i9", "type": "click", "event_id": "c-17", "event_time": 1, "value": 1.0},
    "reviews.v1": {"user_id": "u1", "text": "我喜欢看电影", "rating": 4.0, "rating_scale": [1.0, 5.0], "position": 3},
    "items.v1": {"item_id": "i9", "title": "Alien", "text": "…", "facets": {"genre": ["Horror"], "brand": "A"}},
    "commands.v1": {"command_id": "k-1", "type": "merge", "user_id": "u1", "anonymous_id": "a7"},
    "item-vectors.v1": {
        "item_id": "i9",
        "title": "Alien",
        "facets": {"genre": "Horror"},
        "available": True,
        "revision": "r",
        "fingerprint": "e5s-1a2b3c4d",
        "vector": "AAA=",
    },
    "covisits.v1": {
        "topic": "penchant.clicks.v1",
        "partition": 2,
        "first": 7,
        "last": 7,
        "events": [[7, "i9", 0.3, [["i3", 1.0]], [60], "", 1795341600123, True, [86400, 0], "", 0.3, 1]],
    },
    "recommendations.v1": {
        "user_id": "u1",
        "version": 1795341600123,
        "generated_at": "2026-11-22T10:00:00.123Z",
        "expires_at": "2026-12-22T10:00:00.123Z",
        "fingerprint": "e5s-1a2b3c4d",
        "path": "live",
        "variant": "usual",
        "cause": {"topic": "t", "partition": 2, "offset": 4, "event_id": "c", "event_time": "2026-11-22T10:00:00.123Z"},
        "folded": [{"topic": "t", "partition": 2, "offset": 4, "event_id": "c", "waiting": True}],
        "items": [
            {
                "item_id": "i3",
                "score": 1.9,
                "source": "covisit",
                "reasons": [{"event_id": "c", "share": 0.4, "words": "…"}],
            }
        ],
    },
    "receipts.v1": {
        "command_id": "k-1",
        "type": "erase",
        "status": "done",
        "reason": "",
        "completed_at": "2026-11-22T10:00:00.123Z",
        "removed": {"events": 2},
    },
    "audit.v1": {
        "command_id": "k-1",
        "type": "erase",
        "status": "done",
        "reason": "",
        "at": "2026-11-22T10:00:00.123Z",
        "users": ["5b"],
        "position": "t-2-4",
        "signed_by": "shop",
    },
}

# Theirs come first on the path; what the interpreter had loaded before is no doing of ours.
SERVICE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
before = set(sys.modules)
import penchant
loaded = sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
import msgspec, serving, penchant.testing
import penchant.kafka.following, penchant.kafka.placed_records  # what the client loads when it starts
told = {}
for name, example in json.loads(sys.stdin.read()).items():
    read = msgspec.json.decode(json.dumps(example), type=penchant.MESSAGES[name])
    written = msgspec.json.encode(read)
    assert msgspec.json.decode(written, type=penchant.MESSAGES[name]) == read
    told[name] = msgspec.json.decode(written)
print(json.dumps([loaded, serving.WHOSE, told]))
"""


def told_by_a_service(folder: Path) -> tuple[list[str], str, dict[str, dict[str, object]]]:
    """What a service finds whose folder has packages called as ours: what was loaded, whose `serving`, the messages."""
    for name in OTHERS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text('WHOSE = "theirs"\n', encoding="utf-8")
    command = [sys.executable, "-I", "-W", "ignore", "-c", SERVICE, json.dumps([str(folder), str(ROOT)])]
    done = subprocess.run(command, input=json.dumps(EXAMPLES), capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    loaded, whose, told = json.loads(done.stdout)
    return loaded, whose, told


def test_it_works_beside_packages_of_the_same_names(tmp_path: Path) -> None:
    """Given a service with a `serving` of its own, when it imports penchant, then each message is read and written."""
    loaded, whose, told = told_by_a_service(tmp_path)

    assert whose == "theirs"
    assert {"penchant"} <= set(loaded) <= {"penchant"} | MAY_LOAD, "not even numpy or kafka-python"
    assert {name.replace("_", "-") for name in MAY_LOAD} <= resolved(declared()), "the base install alone"
    assert EXAMPLES.keys() == penchant.MESSAGES.keys()
    for name, example in EXAMPLES.items():
        assert {field: told[name][field] for field in example} == example


def test_what_is_public_is_listed() -> None:
    public = {name for name, value in vars(penchant).items() if name[0] != "_" and not isinstance(value, ModuleType)}

    assert public == set(penchant.__all__)
    assert set(penchant.__all__) >= {message.__name__ for message in penchant.MESSAGES.values()}
