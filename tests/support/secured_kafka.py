"""Apache Kafka with listeners that want TLS and a login, an authoriser, and logins with rights of their own."""

import base64
import json
import time
from pathlib import Path

from benchmarks.performance.apache_kafka import ApacheKafka, SecuredListeners
from deploy.local.services import free_port
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

    def stop(self) -> None:
        """Stop it."""
        self.broker.stop()


def token(subject: str, seconds: int = 3600) -> str:
    """A token that Kafka's OAUTHBEARER takes where nothing else is configured: unsigned, for tests alone."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": subject, "iat": now, "exp": now + seconds})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."
