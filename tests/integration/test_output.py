"""What commands print where the encoding has not all characters, and where nobody reads on; hostile titles included."""

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass

import pytest
from kafka import KafkaProducer

from deploy.topics.create import create_topics
from penchant.errors import RejectReason
from penchant.topics import Topics
from serving.terminal.printable import shown
from stream.events.dead_letters import dead_letter_message
from stream.events.records import DeadLetter, Record
from tests.conftest import Broker
from tests.support.command import clean_environment
from tests.support.system import now_ms

pytestmark = pytest.mark.kafka
TITLE = "星际穿越\x1b]52;c;eA==\x07\n\u202e😀 [red]:smile:"
NARROW = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LC_ALL": "POSIX"},
]


@dataclass(frozen=True)
class Shop:
    """A broker with one list, one title and one dead letter on it."""

    bootstrap: str
    redis: str
    prefix: str

    def command(self, *words: str) -> list[str]:
        options = ["--bootstrap", self.bootstrap, "--redis", self.redis, "--prefix", self.prefix]
        return [sys.executable, "-m", "deploy.cli", *words, *options]


@pytest.fixture
def shop(broker: Broker, redis_url: str, prefix: str) -> Shop:
    topics = Topics(prefix)
    create_topics(broker.bootstrap, topics, 1, replication=1)
    made = {
        "user_id": "用户", "version": 1, "generated_at": "2026-11-22T10:00:00Z", "path": "live", "cause": None,
        "items": [{"item_id": "i1", "score": 1.0, "source": "content", "reasons": [{"share": 1.0, "words": TITLE}]}],
    }  # fmt: skip
    original = Record(topics.clicks, 0, 0, now_ms(), "用户".encode(), TITLE.encode())
    parked = dead_letter_message(DeadLetter(original, RejectReason.NOT_JSON, TITLE, "decode"), now_ms())
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        producer.send(topics.recommendations, key="用户".encode(), value=json.dumps(made).encode())
        producer.send(topics.item_vectors, key=b"i1", value=json.dumps({"title": TITLE}).encode())
        for topic in (topics.item_vectors, topics.recommendations):  # what nobody should have written there
            for key, value in (
                (None, b"{}"),
                (b"i2", b"\xff{"),
                ("用户".encode(), b"[]"),
                ("用户".encode(), b'{"version": 9}'),
            ):
                producer.send(topic, key=key, value=value)
        producer.send(parked.topic, key=parked.key, value=parked.value, headers=list(parked.headers))
        producer.flush()
    return Shop(broker.bootstrap, redis_url, prefix)


COMMANDS = [
    ["watch", "用户", "--once", "--timeout", "120"],
    ["watch", "用户", "--once", "--timeout", "120", "--json"],
    ["dlq", "show"],
    ["dlq", "show", "--json"],
    ["dlq", "ls"],
    ["doctor"],
    ["doctor", "--json"],
    ["statistics", "show"],
    ["topics", "create", "--partitions", "1"],
    ["schemas"],
    ["--help"],
]


@pytest.mark.parametrize(
    ("words", "variables"), [*((words, NARROW[0]) for words in COMMANDS), *((COMMANDS[0], one) for one in NARROW[1:])]
)
def test_characters_that_cannot_be_written_are_replaced(
    shop: Shop, words: list[str], variables: dict[str, str]
) -> None:
    done = subprocess.run(
        shop.command(*words) if words != ["--help"] else [sys.executable, "-m", "deploy.cli", "--help"],
        capture_output=True, check=False, timeout=600, env=clean_environment(COLUMNS="300", **variables),
    )  # fmt: skip

    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert done.returncode == 0 or words[0] == "doctor", done.stderr.decode()
    encoding = variables.get("PYTHONIOENCODING", "utf-8")
    printed = done.stdout.decode("utf-8" if words == ["--help"] else encoding)  # click's own way with help
    assert all(char == "\n" or char == shown(char) for char in printed)
    if words[0] in {"watch", "dlq"} and words[1] != "ls":
        assert "\\u001b]52" in printed if "--json" in words else "\\x1b]52" in printed
        assert "--json" in words or "[red]:smile:" in printed
    if "--json" in words:
        told = json.loads(printed)
        assert words[0] != "watch" or told["items"][0]["reasons"][0]["words"] == TITLE


def without_reader(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run it with a standard output that nobody reads any more."""
    read, write = os.pipe()
    os.close(read)
    try:
        return subprocess.run(
            command, stdout=write, stderr=subprocess.PIPE, check=False, timeout=600, env=clean_environment()
        )
    finally:
        os.close(write)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_nobody_reads_on(shop: Shop, words: list[str]) -> None:
    command = shop.command(*words) if words != ["--help"] else [sys.executable, "-m", "deploy.cli", "--help"]

    done = without_reader(command)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_is_sent_whole_though_nobody_reads_the_complaints(shop: Shop) -> None:
    lines = b"".join(b'{broken\n{"user_id": "u", "item_id": "i", "type": "click"}\n' for _ in range(50))
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        shop.command("produce", "-", "--json"), input=lines, stdout=subprocess.PIPE, stderr=write, check=False,
        timeout=600, env=clean_environment(),
    )  # fmt: skip
    os.close(write)

    told = json.loads(done.stdout)
    assert told["sent"] == {f"{shop.prefix}.clicks.v1": 50}
    assert told["bad"] == 50
    assert done.returncode == 65


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
@pytest.mark.parametrize("words", [["schemas"], ["dlq", "show"]], ids=" ".join)
def test_a_full_disk_is_said(shop: Shop, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            shop.command(*words), stdout=full, stderr=subprocess.PIPE, check=False, timeout=600, env=clean_environment()
        )

    assert done.returncode == 74
    assert done.stderr == b"penchant: cannot write: No space left on device\n"


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "<&-", "1>&- 2>&- <&-"])
def test_streams_that_are_closed(shop: Shop, closed: str) -> None:
    words = " ".join(f"'{word}'" for word in shop.command("watch", "用户", "--once", "--timeout", "120"))
    done = subprocess.run(
        ["/bin/sh", "-c", f"{words} {closed}"], capture_output=True, check=False, timeout=600, env=clean_environment()
    )

    assert b"Traceback" not in done.stderr + done.stdout
    assert done.returncode == 0


def test_an_id_that_is_not_utf8_is_said(shop: Shop) -> None:
    command = [word.encode() for word in shop.command("watch", "--once")]
    done = subprocess.run(
        [*command, b"caf\xe9"], capture_output=True, check=False, timeout=600, env=clean_environment()
    )

    assert done.returncode == 2
    assert b"is not UTF-8" in done.stderr
