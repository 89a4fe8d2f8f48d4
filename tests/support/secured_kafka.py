"""Apache Kafka with listeners that want TLS and a login, an authoriser, and logins with rights of their own."""

import base64
import json
import re
import time
from collections.abc import Collection
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from benchmarks.performance.apache_kafka import ApacheKafka, SecuredListeners
from deploy.local.services import free_port
from serving.kafka.admin import open_admin
from tests.support.certificates import Authority, Signed

PASSWORDS = {
    name: f"{name}-s3cret" for name in ("admin", "worker", "producer", "consumer", "api", "operator", "nobody")
}
_LOGIN = "org.apache.kafka.common.security"
_PROPERTIES = """\
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,CERT:SSL,OLD:SASL_SSL,OPEN:SASL_PLAINTEXT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
ssl.truststore.type=PEM
ssl.truststore.location={ca}
ssl.keystore.type=PEM
ssl.keystore.location={broker}
listener.name.old.ssl.keystore.type=PEM
listener.name.old.ssl.keystore.location={expired}
listener.name.cert.ssl.client.auth=required
"""
_MECHANISMS = """\
listener.name.{listener}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.{listener}.plain.sasl.jaas.config={login}.plain.PlainLoginModule required {users};
listener.name.{listener}.scram-sha-256.sasl.jaas.config={login}.scram.ScramLoginModule required;
listener.name.{listener}.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;
listener.name.{listener}.oauthbearer.sasl.jaas.config={login}.oauthbearer.OAuthBearerLoginModule required \
unsecuredLoginStringClaim_sub="broker";
"""


class SecuredKafka:
    """One broker. `bootstrap`: the listener by which tests administer it. ports: LOGIN (TLS and SASL), CERT (TLS with
    a client's certificate), OLD (LOGIN with a certificate that has expired), OPEN (SASL without TLS)."""

    fetch_wait_ms = None

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        broker = self.authority.sign("broker", names="IP:127.0.0.1,DNS:kafka.example")
        expired = self.authority.sign("expired", expired=True)
        self.ports = {name: free_port() for name in ("LOGIN", "CERT", "OLD", "OPEN")}
        users = " ".join(f'user_{name}="{password}"' for name, password in PASSWORDS.items())
        properties = _PROPERTIES.format(ca=self.authority.certificate, broker=broker.both, expired=expired.both)
        for listener in ("login", "old", "open"):
            properties += _MECHANISMS.format(listener=listener, login=_LOGIN, users=users)
        logins = [
            f"SCRAM-SHA-{bits}=[name={name},password={password}]"
            for name, password in PASSWORDS.items()
            for bits in (256, 512)
        ]
        self.broker = ApacheKafka(folder, SecuredListeners(self.ports, properties, logins))
        self.broker.start()

    @property
    def bootstrap(self) -> str:
        """The plain listener, for the tests' own hands: nobody is asked there who they are."""
        return self.broker.bootstrap

    def client(self, name: str) -> Signed:
        """A client's certificate, whose name Kafka takes as `CN=name`."""
        return self.authority.sign(name)

    def environment(self, user: str, mechanism: str = "SCRAM-SHA-512", listener: str = "LOGIN") -> dict[str, str]:
        """The settings by which a user gets in."""
        return {
            "PENCHANT_BOOTSTRAP": f"127.0.0.1:{self.ports[listener]}",
            "PENCHANT_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT" if listener == "OPEN" else "SASL_SSL",
            "PENCHANT_KAFKA_SASL_MECHANISM": mechanism,
            "PENCHANT_KAFKA_SASL_USERNAME": user,
            "PENCHANT_KAFKA_SASL_PASSWORD": PASSWORDS[user],
            "PENCHANT_KAFKA_SSL_CA": str(self.authority.certificate),
        }

    def allow(self, role: str, prefix: str, without: Collection[str] = (), user: str = "") -> None:
        """Give the user of a role, or another, what docs/running.md says; without: topics, or `group`."""
        reads, writes, group, more = RIGHTS[role]
        topics = [(name, "READ") for name in reads] + [(name, "WRITE") for name in writes]
        rights = [(ResourceType.TOPIC, f"{prefix}.{name}", each) for name, each in topics if name not in without]
        rights += [(ResourceType.GROUP, f"{prefix}-worker", name) for name in group if "group" not in without]
        rights += [(ResourceType.TOPIC, f"{prefix}.*", name) for name in more]
        acls = [
            ACL(f"User:{user or role}", "*", ACLOperation[name], ACLPermissionType.ALLOW, _pattern(kind, resource))
            for kind, resource, name in rights
        ]
        with open_admin(self.bootstrap) as admin:
            made = admin.create_acls(acls)
        assert not made["failed"], made

    def forbid(self, role: str) -> None:
        """Take all of that back."""
        any_resource = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        every = ACLFilter(f"User:{role}", None, ACLOperation.ANY, ACLPermissionType.ANY, any_resource)
        with open_admin(self.bootstrap) as admin:
            admin.delete_acls([every])

    def stop(self) -> None:
        """Stop it."""
        self.broker.stop()


def _pattern(kind: ResourceType, name: str) -> ResourcePattern:
    if name.endswith("*"):
        return ResourcePattern(kind, name.removesuffix("*"), ACLResourcePatternType.PREFIXED)
    return ResourcePattern(kind, name, ACLResourcePatternType.LITERAL)


def _rights() -> dict[str, tuple[list[str], list[str], list[str], list[str]]]:
    """What docs/running.md says of each role: topics that it reads, those that it writes, and names of operations."""
    page = (Path(__file__).parents[2] / "docs" / "running.md").read_text("utf-8")
    _, _, table = page.partition("| role | reads topics |")
    rights: dict[str, tuple[list[str], list[str], list[str], list[str]]] = {}
    for row in table.splitlines()[2:]:
        if not row.startswith("|"):
            return rights
        role, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        reads, writes, group, more = (re.findall(r"`([^`]+)`", cell) for cell in cells)
        snake = {name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in (*group, *more)}
        rights[role] = (reads, writes, [snake[name] for name in group], [snake[name] for name in more])
    return rights


RIGHTS = _rights()


def token(subject: str, seconds: int = 3600) -> str:
    """A token that Kafka's OAUTHBEARER takes where nothing else is configured: unsigned, for tests alone."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": subject, "iat": now, "exp": now + seconds})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."
