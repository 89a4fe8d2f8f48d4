"""Settings of a secured Kafka: what each client library is told, what a file gives, what is half set."""

import ssl
from pathlib import Path

import pytest

from penchant.errors import Misconfigured
from serving.configuration.setting_errors import unknown_variables
from serving.connections import Connections
from tests.support.certificates import Authority

SECRET = "g3h31m"
LOGIN = {
    "PENCHANT_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
    "PENCHANT_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "PENCHANT_KAFKA_SASL_USERNAME": "shop",
    "PENCHANT_KAFKA_SASL_PASSWORD": SECRET,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, without a `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Connections:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Connections()


def test_without_a_word_it_is_a_plain_connection(folder: Path) -> None:
    brokers = Connections(bootstrap="a:1,b:2").brokers

    assert brokers.of_kafka_python() == {"bootstrap_servers": ["a:1", "b:2"]}
    assert brokers.of_aiokafka() == {"bootstrap_servers": "a:1,b:2"}


def test_a_login_within_tls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brokers = told(monkeypatch, **LOGIN).brokers

    for options in (brokers.of_kafka_python(), brokers.of_aiokafka()):
        assert options["security_protocol"] == "SASL_SSL"
        assert options["sasl_mechanism"] == "SCRAM-SHA-512"
        assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("shop", SECRET)
        context = options["ssl_context"]
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_protocol_may_stand_before_the_address(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = {name: value for name, value in LOGIN.items() if "PROTOCOL" not in name}
    settings = told(monkeypatch, PENCHANT_BOOTSTRAP="SASL_SSL://kafka:9093", **login)

    assert settings.bootstrap == "kafka:9093"
    assert settings.brokers.security.protocol == "SASL_SSL"
    with pytest.raises(Misconfigured, match="PENCHANT_BOOTSTRAP begins with SASL_SSL://"):
        told(monkeypatch, PENCHANT_KAFKA_SECURITY_PROTOCOL="SSL")


def test_tokens_are_read_at_each_login(folder: Path) -> None:
    (folder / "token").write_text("one\n")
    settings = Connections(
        kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER", kafka_sasl_token_file=folder / "token"
    )
    provider = settings.brokers.of_kafka_python()["sasl_oauth_token_provider"]

    assert provider.token() == "one"
    (folder / "token").write_text("two\n")
    assert provider.token() == "two"
    (folder / "token").write_text("two words\n")
    with pytest.raises(Misconfigured, match="PENCHANT_KAFKA_SASL_TOKEN_FILE gives no token") as raised:
        provider.token()
    assert "words" not in str(raised.value)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("false", "false ended with 1"),
        ("no-such-program-here", "cannot be run"),
        ("echo", "gives no token"),
        ("'", "cannot be run"),
    ],
)
async def test_a_command_that_gives_no_token(command: str, words: str) -> None:
    settings = Connections(
        kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER", kafka_sasl_token_command=command
    )

    with pytest.raises(Misconfigured, match=words):
        await settings.brokers.of_aiokafka()["sasl_oauth_token_provider"].token()


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ("PENCHANT_KAFKA_SECURITY_PROTOCOL", "PENCHANT_KAFKA_SECURITY_PROTOCOL: it is not set.*SASL_SSL"),
        ("PENCHANT_KAFKA_SASL_MECHANISM", "PENCHANT_KAFKA_SASL_MECHANISM: .*SCRAM-SHA-256"),
        ("PENCHANT_KAFKA_SASL_USERNAME", "PENCHANT_KAFKA_SASL_USERNAME"),
        ("PENCHANT_KAFKA_SASL_PASSWORD", "PENCHANT_KAFKA_SASL_PASSWORD"),
    ],
)
def test_what_is_half_set_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch, left_out: str, named: str) -> None:
    with pytest.raises(Misconfigured, match=named) as raised:
        told(monkeypatch, **{name: value for name, value in LOGIN.items() if name != left_out})
    assert SECRET not in str(raised.value)


def test_plaintext_in_so_many_words_switches_it_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = told(monkeypatch, **(LOGIN | {"PENCHANT_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}))

    assert settings.brokers.options == {}


def test_a_wrong_word_is_answered_with_the_right_ones(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured, match="PENCHANT_KAFKA_SASL_MECHANISM: it is 'SCRAM': write one of 'PLAIN', 'SC"):
        told(monkeypatch, **(LOGIN | {"PENCHANT_KAFKA_SASL_MECHANISM": "scram"}))


def test_no_secret_is_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = told(monkeypatch, **LOGIN)

    assert SECRET not in f"{settings!r} {settings} {settings.brokers!r} {settings.brokers} {settings.model_dump_json()}"


CLOUD = """\
# Required connection configs for Kafka producer, consumer, and admin
bootstrap.servers=pkc-1.example:9092
security.protocol=SASL_SSL
sasl.mechanisms=PLAIN
sasl.username=KEY
sasl.password=g3h31m=with=signs
# Best practice for higher availability in librdkafka clients
session.timeout.ms=45000
"""


class TestFile:
    """PENCHANT_KAFKA_CONFIG: as the consoles of managed clusters show it."""

    def test_is_understood(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "client.properties").write_text(f"\ufeff{CLOUD}", encoding="utf-8")
        settings = told(monkeypatch, PENCHANT_KAFKA_CONFIG="'client.properties'")
        options = settings.brokers.of_aiokafka()

        assert settings.bootstrap == "pkc-1.example:9092"
        assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "PLAIN")
        assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("KEY", "g3h31m=with=signs")

    def test_what_changes_nothing_is_said_once(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "client.properties").write_text(CLOUD, encoding="utf-8")
        monkeypatch.setenv("PENCHANT_KAFKA_CONFIG", "client.properties")

        (said,) = unknown_variables({})
        assert "line 8: session.timeout.ms changes nothing" in said

    def test_what_is_set_otherwise_wins(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "client.properties").write_text(CLOUD, encoding="utf-8")
        (folder / "password").write_text("other\n", encoding="utf-8")
        settings = told(
            monkeypatch,
            PENCHANT_KAFKA_CONFIG="client.properties",
            PENCHANT_BOOTSTRAP="elsewhere:9092",
            PENCHANT_KAFKA_SASL_PASSWORD_FILE="password",
        )

        assert settings.bootstrap == "elsewhere:9092"
        assert settings.brokers.options["sasl_plain_password"] == "other"

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ('sasl.jaas.config=… required username="KEY" password="g3h31m";', "sasl.username=… and sasl.password=…"),
            ("ssl.truststore.location=/x.jks", "PEM files"),
            ("sasl.kerberos.service.name=kafka", "GSSAPI"),
            ("sasl.oauthbearer.client.secret=g3h31m", "PENCHANT_KAFKA_SASL_TOKEN_COMMAND"),
            ("sasl.pasword=g3h31m", "is sasl.password meant"),
            ("ssl.cipher.suites=g3h31m", "not known here"),
            ("enable.ssl.certificate.verification=false", "always checked"),
            ("sasl.password={{ CLUSTER_API_SECRET }}", "placeholder"),
            ("ssl.endpoint.identification.algorithm=g3h31m", "https, or none"),
            ("g3h31m", "line 9 is no name=value"),
        ],
    )
    def test_what_would_be_lost_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str
    ) -> None:
        (folder / "client.properties").write_text(CLOUD + line, encoding="utf-8")

        with pytest.raises(Misconfigured, match=words) as raised:
            told(monkeypatch, PENCHANT_KAFKA_CONFIG="client.properties")
        assert "client.properties, line 9" in str(raised.value)
        assert SECRET not in str(raised.value)

    def test_that_is_not_there(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(Misconfigured, match="PENCHANT_KAFKA_CONFIG: there is no file none"):
            told(monkeypatch, PENCHANT_KAFKA_CONFIG="none")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


class TestCertificates:
    """Files in PEM: what is wrong with them is said by the setting's name."""

    def test_are_read(self, authority: Authority) -> None:
        signed = authority.sign("shop")
        settings = Connections(
            kafka_security_protocol="SSL",
            kafka_ssl_ca=authority.certificate,
            kafka_ssl_certificate=signed.certificate,
            kafka_ssl_key=signed.key,
            kafka_ssl_check_hostname=False,
        )

        context = settings.brokers.of_aiokafka()["ssl_context"]
        assert [ca["subject"][0][0] for ca in context.get_ca_certs()] == [("commonName", "ca")]
        assert not context.check_hostname

    def test_that_cannot_be_used(self, authority: Authority, tmp_path: Path) -> None:
        one, other = authority.sign("one"), authority.sign("other")
        (tmp_path / "text").write_text("no PEM", encoding="utf-8")
        wrong = [
            ({"kafka_ssl_ca": tmp_path / "none"}, "PENCHANT_KAFKA_SSL_CA: .* cannot be read"),
            ({"kafka_ssl_ca": tmp_path / "text"}, "PENCHANT_KAFKA_SSL_CA: .* holds no certificates"),
            ({"kafka_ssl_certificate": tmp_path / "none"}, "PENCHANT_KAFKA_SSL_CERTIFICATE: .* cannot be read"),
            ({"kafka_ssl_certificate": one.certificate, "kafka_ssl_key": other.key}, "KEY_VALUES_MISMATCH"),
        ]

        for files, words in wrong:
            with pytest.raises(Misconfigured, match=words):
                _ = Connections(kafka_security_protocol="SSL", **files).brokers.options
