"""Apache Kafka that wants TLS and a login: every way in, each refusal in one sentence, and all commands through it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from penchant.errors import Misconfigured
from serving.connections import Connections
from serving.kafka.admin import open_admin
from tests.conftest import ON_APACHE, missing
from tests.support.command import penchant
from tests.support.secured_kafka import SecuredKafka, token
from tests.support.system import System, running
from tests.support.waiting import until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(not ON_APACHE, reason="needs Apache Kafka: `make test-kafka`"),
]
ITEMS = [{"item_id": f"i{number}", "title": title} for number, title in enumerate(("Solaris", "Stalker", "Alien"))]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    try:
        made = SecuredKafka(tmp_path_factory.mktemp("secured"))
    except Misconfigured as error:
        return missing(error)
    yield made
    made.stop()


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A working directory without `.env`."""
    monkeypatch.chdir(tmp_path)


def topics_seen(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> list[str]:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with open_admin(Connections().brokers, timeout_s=3.0) as admin:
        return list(admin.list_topics())


@pytest.mark.usefixtures("enter")
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_logins(kafka: SecuredKafka, monkeypatch: pytest.MonkeyPatch, mechanism: str) -> None:
    assert topics_seen(monkeypatch, kafka.environment("admin", mechanism)) is not None


@pytest.mark.usefixtures("enter")
@pytest.mark.parametrize("way", ["FILE", "COMMAND"])
def test_tokens(kafka: SecuredKafka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str) -> None:
    settings = kafka.environment("admin", "OAUTHBEARER")
    del settings["PENCHANT_KAFKA_SASL_USERNAME"], settings["PENCHANT_KAFKA_SASL_PASSWORD"]
    file = tmp_path / "token"
    file.write_text(token("admin"), encoding="utf-8")
    settings[f"PENCHANT_KAFKA_SASL_TOKEN_{way}"] = str(file) if way == "FILE" else f"cat {file}"

    assert topics_seen(monkeypatch, settings) is not None
    file.write_text(token("admin", seconds=-100), encoding="utf-8")
    with pytest.raises(Misconfigured, match="does not take our token"):
        topics_seen(monkeypatch, settings)


@pytest.mark.usefixtures("enter")
def test_a_clients_certificate(kafka: SecuredKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = kafka.client("shop")
    settings = {
        "PENCHANT_BOOTSTRAP": f"SSL://127.0.0.1:{kafka.ports['CERT']}",
        "PENCHANT_KAFKA_SSL_CA": str(kafka.authority.certificate),
    }
    with pytest.raises(Misconfigured, match="asks for a client's certificate"):
        topics_seen(monkeypatch, settings)

    settings["PENCHANT_KAFKA_SSL_CERTIFICATE"] = str(signed.certificate)
    settings["PENCHANT_KAFKA_SSL_KEY"] = str(signed.key)
    assert topics_seen(monkeypatch, settings) is not None


REFUSED = {
    "password": ({"PENCHANT_KAFKA_SASL_PASSWORD": "g3h31m"}, "LOGIN", "does not take our user and password"),
    "CA": ({"PENCHANT_KAFKA_SSL_CA": ""}, "LOGIN", "of a CA that we do not know"),
    "expired": ({}, "OLD", "its certificate has expired"),
    "name": ({"PENCHANT_BOOTSTRAP": "localhost"}, "LOGIN", "for another name"),
    "no login": ({"PENCHANT_KAFKA_SECURITY_PROTOCOL": "SSL"}, "OPEN", "does not speak it|ends the TLS"),
    "no TLS": ({"PENCHANT_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "LOGIN", "speaks TLS"),
    "nothing": ({"PENCHANT_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "OPEN", "asks who we are"),
}


@pytest.mark.parametrize("wrong", REFUSED)
@pytest.mark.usefixtures("enter")
def test_a_refusal_is_one_sentence(kafka: SecuredKafka, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    changed, listener, words = REFUSED[wrong]
    settings = kafka.environment("admin", listener=listener) | changed
    if changed.get("PENCHANT_BOOTSTRAP"):
        settings["PENCHANT_BOOTSTRAP"] += f":{kafka.ports[listener]}"
    settings = {name: value for name, value in settings.items() if value}

    with pytest.raises(Misconfigured, match=words) as raised:
        topics_seen(monkeypatch, settings)
    assert "\n" not in str(raised.value)
    assert "g3h31m" not in str(raised.value)


def test_a_wrong_password_ends_every_process_with_78(kafka: SecuredKafka, redis_url: str) -> None:
    settings = kafka.environment("worker") | {"PENCHANT_KAFKA_SASL_PASSWORD": "g3h31m", "PENCHANT_REDIS": redis_url}

    for command in (("worker",), ("watch", "u1"), ("topics", "create")):
        ran = penchant(*command, environment=settings)
        assert ran.exit_code == 78, ran.err
        assert "does not take our user and password" in ran.err.splitlines()[-1]
        assert "g3h31m" not in ran.out + ran.err


@pytest.fixture(scope="module")
def system(kafka: SecuredKafka, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(kafka, redis_url, "secured", tmp_path_factory.mktemp("secured-system")) as made:
        made.environment |= kafka.environment("admin")
        made.start_ready()
        yield made


@pytest.mark.model
def test_all_commands_come_through(system: System, kafka: SecuredKafka, tmp_path: Path) -> None:
    settings = system.environment | kafka.environment("admin")
    settings = {name: value for name, value in settings.items() if "SASL_" not in name or "PROTOCOL" in name}
    properties = tmp_path / "client.properties"
    properties.write_text(
        "sasl.mechanism=SCRAM-SHA-256\nsasl.username=admin\nsasl.password=admin-s3cret\n", encoding="utf-8"
    )
    settings["PENCHANT_KAFKA_CONFIG"] = str(properties)
    events = [*ITEMS, {"event_id": "c-1", "user_id": "u1", "item_id": "i0", "type": "purchase"}]

    sent = penchant("produce", "-", stdin="".join(f"{json.dumps(each)}\n" for each in events), environment=settings)
    assert sent.exit_code == 0, sent.err
    assert until(lambda: "c-1" in system.named(), 30), system.workers[0].child.last_lines()

    seen = penchant("watch", "u1", "--timeout", "5", "--json", environment=settings)
    assert json.loads(seen.out.splitlines()[0])["user_id"] == "u1"
    assert penchant("replay", "--verify", environment=settings).exit_code == 0
    assert penchant("doctor", "--json", environment=settings).json["broker"]["ok"]
    assert penchant("dlq", "ls", environment=settings).exit_code == 0
