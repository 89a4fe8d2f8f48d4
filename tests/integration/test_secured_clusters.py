"""Apache Kafka and Redis with TLS and logins: every way in, refusals in a sentence, and each role with its rights."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from penchant.errors import Misconfigured
from serving.connections import Connections
from serving.kafka.admin import open_admin
from tests.conftest import ON_APACHE, missing
from tests.support.api import running_api
from tests.support.command import Ran, penchant
from tests.support.local import running_local
from tests.support.redis_servers import RedisServer, rights, start_secured
from tests.support.secured_kafka import PASSWORDS, RIGHTS, SecuredKafka, token
from tests.support.system import MODEL, System, running
from tests.support.waiting import slowness, until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(not ON_APACHE, reason="needs Apache Kafka: `make test-kafka`"),
]
PREFIX = "secured"
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
    with open_admin(Connections().brokers, timeout_s=3.0 * slowness()) as admin:
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

    for command in (("worker",), ("watch", "u1")):
        ran = penchant(*command, environment=settings)
        assert ran.exit_code == 78, ran.err
        assert "does not take our user and password" in ran.err.splitlines()[-1]
        assert "g3h31m" not in ran.out + ran.err


@dataclass(frozen=True)
class Secured:
    """The whole system: a broker and a store that ask everybody who they are, and give each role what docs say."""

    kafka: SecuredKafka
    store: RedisServer
    system: System

    def settings(self, role: str) -> dict[str, str]:
        """How a role gets in; its rights to the store are the operator's where it has none of its own."""
        user = role if role in {"worker", "api"} else "operator"
        return {
            "PENCHANT_PREFIX": PREFIX,
            "PENCHANT_MODEL": MODEL,
            "PENCHANT_REDIS": f"rediss://{user}:{user}-pw@127.0.0.1:{self.store.port}/0",
            "PENCHANT_REDIS_SSL_CA": str(self.kafka.authority.certificate),
            **self.kafka.environment(role),
        }

    def run(self, role: str, *command: str, stdin: str = "") -> Ran:
        """Run a command as a role."""
        return penchant(*command, stdin=stdin, environment=self.settings(role))


@pytest.fixture(scope="module")
def secured(kafka: SecuredKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured-system")
    signed = kafka.authority.sign("redis")
    users = [f"{role} on >{role}-pw {rights(role, PREFIX)}" for role in ("worker", "api", "operator")]
    store = start_secured(folder, kafka.authority.certificate, signed, users)
    for role in RIGHTS:
        kafka.allow(role, PREFIX)
    with running(kafka, "redis://127.0.0.1:1/0", PREFIX, folder) as system:
        made = Secured(kafka, store, system)
        system.environment |= made.settings("worker")
        system.start_ready()
        yield made
    store.stop()


@pytest.mark.model
def test_every_role_with_its_rights_alone(secured: Secured, tmp_path: Path) -> None:
    event = {"event_id": "c-1", "user_id": "u1", "item_id": "i0", "type": "purchase"}

    sent = secured.run("producer", "produce", "-", stdin="".join(f"{json.dumps(each)}\n" for each in [*ITEMS, event]))
    assert sent.exit_code == 0, sent.err
    assert until(lambda: "c-1" in secured.system.named(), 30), secured.system.workers[0].child.last_lines()
    seen = secured.run("consumer", "watch", "u1", "--once", "--timeout", "120", "--json")
    assert json.loads(seen.out.splitlines()[0])["user_id"] == "u1"

    again = ("replay", "--into-prefix", f"{PREFIX}:2")
    for command in (("replay", "--verify"), again, ("dlq", "ls"), ("topics", "create", "--partitions", "4")):
        ran = secured.run("operator", *command)
        assert ran.exit_code == 0, ran.err
    found = secured.run("operator", "doctor", "--json").json
    assert all(found[name]["ok"] for name in ("broker", "redis", "topics", "lag", "limits")), found
    assert found["security"]["kafka"] == "SASL_SSL"
    assert found["isolation"]["held_up"] == {}
    found = secured.run("worker", "doctor", "--json").json
    assert found["broker"]["ok"]
    for name in ("limits", "retention"):
        assert not found[name]["ok"]
        assert "DescribeConfigs" in found[name]["found"]
    settings = secured.settings("api")
    with running_api(tmp_path, settings["PENCHANT_BOOTSTRAP"], settings["PENCHANT_REDIS"], **settings) as api:
        assert until(lambda: api.list_of("u1").status == 200, 30)
        assert until(lambda: api.ask("/v1/users/u1/interests").status == 200, 30)
        assert until(lambda: api.ask("/v1/events", {**event, "event_id": "c-2"}).status == 202, 30)
        said = {"text": "a film in space"}
        assert until(lambda: api.ask("/v1/users/u1/query", said).status == 200, 60), api.child.last_lines()
    assert until(lambda: "c-2" in secured.system.named(), 30)


@pytest.mark.parametrize(
    ("role", "command"),
    [
        ("nobody", ("watch", "u1", "--timeout", "60")),
        ("nobody", ("worker",)),
        ("nobody", ("topics", "create")),
        ("consumer", ("produce", "-")),
        ("producer", ("erase", "u1")),
    ],
)
def test_a_right_that_is_missing_is_one_sentence(secured: Secured, role: str, command: tuple[str, ...]) -> None:
    ran = secured.run(role, *command, stdin=f"{json.dumps(ITEMS[0])}\n")

    assert ran.exit_code == 78, ran.err
    assert re.search(r"gives this user no right|may not see it", ran.err.splitlines()[-1])


def test_a_worker_without_a_right_does_not_wait_in_silence(secured: Secured) -> None:
    secured.kafka.allow("worker", PREFIX, without=("group",), user="nobody")
    try:
        ran = secured.run("nobody", "worker")
    finally:
        secured.kafka.forbid("nobody")
    assert ran.exit_code == 78, ran.err
    assert "no right to the workers' group" in ran.err.splitlines()[-1]


@pytest.mark.model
@pytest.mark.long
def test_local_beside_them_from_a_file_of_properties(secured: Secured, tmp_path: Path) -> None:
    properties = tmp_path / "client.properties"
    settings = {name: value for name, value in secured.settings("worker").items() if "KAFKA" not in name}
    properties.write_text(
        f"bootstrap.servers={settings.pop('PENCHANT_BOOTSTRAP')}\nsecurity.protocol=SASL_SSL\n"
        f"sasl.mechanism=SCRAM-SHA-256\nsasl.username=admin\nsasl.password={PASSWORDS['admin']}\n"
        f"ssl.ca.location={secured.kafka.authority.certificate}\n",
        encoding="utf-8",
    )
    settings["PENCHANT_KAFKA_CONFIG"] = str(properties)

    with running_local(tmp_path, "--partitions", "4", **settings) as local:
        sent = penchant(
            "produce", "-", stdin='{"user_id": "u7", "item_id": "i0", "type": "click"}\n', environment=settings
        )
        assert sent.exit_code == 0, sent.err
        assert until(lambda: bool(secured.system.lists("u7")), 30)
        assert local.stop() == 0
