"""Where Kafka's brokers are and how they are spoken to: the one place that says so to each client library."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from penchant.errors import Misconfigured
from serving.kafka.login_tokens import Tokens

__all__ = ["AnyBrokers", "Brokers", "brokers_of"]

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Files in PEM. ca: None for the system's own. check_hostname: that the certificate is for the name we asked."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: SecretStr | None = None
    check_hostname: bool = True

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises Misconfigured, naming the setting."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.check_hostname = self.check_hostname
        self._trust(made)
        if self.certificate is not None:
            self._show(made, self.certificate)
        return made

    def _trust(self, made: ssl.SSLContext) -> None:
        if self.ca is None:
            made.load_default_certs()
            return
        name = "PENCHANT_KAFKA_SSL_CA"
        try:
            if self.ca.is_dir():
                made.load_verify_locations(capath=self.ca)
            else:
                made.load_verify_locations(cafile=self.ca)
        except ssl.SSLError:
            raise Misconfigured(
                f"{name}: {self.ca} holds no certificates in PEM (-----BEGIN CERTIFICATE-----)"
            ) from None
        except OSError as error:
            raise Misconfigured(f"{name}: {self.ca} cannot be read ({error.strerror})") from None

    def _show(self, made: ssl.SSLContext, certificate: Path) -> None:
        name = "PENCHANT_KAFKA_SSL_CERTIFICATE"
        for variable, file in ((name, certificate), ("PENCHANT_KAFKA_SSL_KEY", self.key)):
            try:
                if file is not None:
                    file.open("rb").close()
            except OSError as error:
                raise Misconfigured(f"{variable}: {file} cannot be read ({error.strerror})") from None
        # "": else OpenSSL asks the terminal.
        password = self.key_password.get_secret_value() if self.key_password is not None else ""
        try:
            made.load_cert_chain(certificate, self.key, password)
        except ssl.SSLError as error:
            raise Misconfigured(
                f"{name} and PENCHANT_KAFKA_SSL_KEY: {certificate} and {self.key or 'the key in it'} cannot be used "
                f"({error.reason or 'no PEM, or another password'}): both in PEM, the key of this certificate, and "
                "PENCHANT_KAFKA_SSL_KEY_PASSWORD if it has one"
            ) from None
        except ValueError:
            raise Misconfigured("PENCHANT_KAFKA_SSL_KEY_PASSWORD is longer than a key's password can be") from None


@dataclass(frozen=True, kw_only=True)
class Security:
    """How a broker is spoken to; passwords are in no `repr`. tokens: in place of username and password."""

    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism | None = None
    username: str | None = None
    password: SecretStr | None = None
    tokens: Tokens | None = None
    tls: Tls = field(default_factory=Tls)

    @property
    def has_tls(self) -> bool:
        """Whether the connection is within TLS."""
        return self.protocol.endswith("SSL")

    @property
    def has_sasl(self) -> bool:
        """Whether we say who we are by SASL."""
        return self.protocol.startswith("SASL")


@dataclass(frozen=True)
class Brokers:
    """servers: host:port, several with commas; `str` gives them, for words about them."""

    servers: str
    security: Security = field(default_factory=Security)

    def __str__(self) -> str:
        return self.servers

    @cached_property
    def _context(self) -> ssl.SSLContext | None:
        return self.security.tls.context() if self.security.has_tls else None

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """What kafka-python's clients are told beside the servers. Raises Misconfigured for files."""
        told = self._shared()
        if told.get("sasl_mechanism") == "OAUTHBEARER" and self.security.tokens is not None:
            told["sasl_oauth_token_provider"] = self.security.tokens.of_kafka_python()
        return told

    def of_kafka_python(self) -> dict[str, Any]:
        """All that kafka-python's clients are told of the brokers. Raises Misconfigured for files."""
        return {"bootstrap_servers": self.servers.split(","), **self.options}

    def of_aiokafka(self) -> dict[str, Any]:
        """All that aiokafka's clients are told of the brokers. Raises Misconfigured for files."""
        told = self._shared()
        if told.get("sasl_mechanism") == "OAUTHBEARER" and self.security.tokens is not None:
            told["sasl_oauth_token_provider"] = self.security.tokens.of_aiokafka()
        return {"bootstrap_servers": self.servers, **told}

    def _shared(self) -> dict[str, Any]:
        security = self.security
        if security.protocol == "PLAINTEXT":
            return {}
        told: dict[str, Any] = {"security_protocol": security.protocol}
        if security.has_tls:
            told["ssl_context"] = self._context
        if security.has_sasl:
            told["sasl_mechanism"] = security.mechanism
        if security.has_sasl and security.mechanism != "OAUTHBEARER":
            told["sasl_plain_username"] = security.username
            told["sasl_plain_password"] = security.password.get_secret_value() if security.password else ""
        return told


AnyBrokers = Brokers | str  # an address alone is one of a plain connection


def brokers_of(given: AnyBrokers) -> Brokers:
    """The brokers that an address alone names, or those given."""
    return given if isinstance(given, Brokers) else Brokers(given)
