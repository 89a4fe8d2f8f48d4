"""The settings by which Kafka is reached, and what goes together among them."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from penchant.errors import Misconfigured
from serving.configuration import addresses
from serving.configuration.client_properties import read_properties
from serving.configuration.dotenv import FILE
from serving.kafka.brokers import Brokers, Mechanism, Protocol, Security, Tls
from serving.kafka.login_tokens import Tokens

__all__ = ["KafkaSettings"]


class KafkaSettings(BaseSettings):
    """Where Kafka is, and who we are to it. `brokers` is what clients are made of."""

    model_config = SettingsConfigDict(
        env_prefix="PENCHANT_", env_file=FILE, frozen=True, extra="ignore", allow_inf_nan=False
    )

    bootstrap: str = Field(
        default="127.0.0.1:9092", description="Kafka's bootstrap servers, host:port, several with commas."
    )
    kafka_config: Path | None = Field(
        default=None,
        description="A file of librdkafka's properties (`bootstrap.servers=…`), as consoles of managed clusters show "
        "them; what is set otherwise wins over it.",
    )
    kafka_security_protocol: Protocol = Field(
        default="PLAINTEXT",
        description="How Kafka's listener is spoken to: with TLS (SSL), with a login (SASL_PLAINTEXT), or both.",
    )
    kafka_sasl_mechanism: Mechanism | None = Field(
        default=None, description="How the login is proved; PLAIN and tokens only within TLS, please."
    )
    kafka_sasl_username: str | None = Field(default=None, description="The user, or the key of a managed cluster.")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="The password, or the key's secret.")
    kafka_sasl_password_file: Path | None = Field(default=None, description="A file that holds that password.")
    kafka_sasl_token_file: Path | None = Field(
        default=None, description="With OAUTHBEARER: a file of the token, which somebody renews; read at each login."
    )
    kafka_sasl_token_command: str | None = Field(
        default=None, description="Or a command that prints a token, within 10 s; run at each login, without a shell."
    )
    kafka_ssl_ca: Path | None = Field(
        default=None, description="The CA of the brokers' certificates, a file in PEM; default: the system's own."
    )
    kafka_ssl_certificate: Path | None = Field(
        default=None, description="A client's certificate in PEM, where the brokers ask for one."
    )
    kafka_ssl_key: Path | None = Field(default=None, description="Its key in PEM, if it is not in the same file.")
    kafka_ssl_key_password: SecretStr | None = Field(default=None, description="The password of that key.")
    kafka_ssl_key_password_file: Path | None = Field(default=None, description="A file that holds that password.")
    kafka_ssl_check_hostname: bool = Field(
        default=True, description="Whether a broker's certificate must be for the name by which it is reached."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, given: Any) -> Any:
        """Put the properties of the file under what was set otherwise, and read the protocol off the address."""
        values = dict(given)
        if (file := values.get("kafka_config")) is not None:
            read = read_properties(Path(str(file).strip().strip("\"'"))).values
            values = {**read, **values}
        named = addresses.protocol(str(values.get("bootstrap", "")))
        if named and str(values.setdefault("kafka_security_protocol", named)).strip("\"' ").upper() != named:
            raise Misconfigured(
                f"settings are wrong: PENCHANT_BOOTSTRAP begins with {named}://, and PENCHANT_KAFKA_SECURITY_PROTOCOL "
                "is another: write host:port alone"
            )
        return values

    @field_validator("kafka_security_protocol", "kafka_sasl_mechanism", mode="before")
    @classmethod
    def _in_capitals(cls, given: Any) -> Any:
        return given.strip().strip("\"'").upper() if isinstance(given, str) else given

    @field_validator("bootstrap")
    @classmethod
    def _servers(cls, given: str) -> str:
        return addresses.servers(given)

    @model_validator(mode="after")
    def _together(self) -> "KafkaSettings":
        """Raises Misconfigured for what is half set. Where the protocol says PLAINTEXT in so many words, so be it."""
        protocol, plainly = self.kafka_security_protocol, "kafka_security_protocol" in self.model_fields_set
        of_sasl = [name for name in type(self).model_fields if name.startswith("kafka_sasl_") and getattr(self, name)]
        of_tls = [
            name
            for name in ("kafka_ssl_ca", "kafka_ssl_certificate", "kafka_ssl_key")
            if getattr(self, name) is not None
        ]
        if not plainly and (of_sasl or of_tls):
            meant = "SASL_SSL" if of_sasl else "SSL"
            raise _wrong(
                "SECURITY_PROTOCOL", f"it is not set, and PENCHANT_{(of_sasl + of_tls)[0].upper()} is: {meant}?"
            )
        if protocol.startswith("SASL"):
            self._check_login()
        if protocol.endswith("SSL") and self.kafka_ssl_key is not None and self.kafka_ssl_certificate is None:
            raise _wrong("SSL_CERTIFICATE", "it is not set, and PENCHANT_KAFKA_SSL_KEY is: name both")
        return self

    def _check_login(self) -> None:
        mechanism, tokens = self.kafka_sasl_mechanism, [self.kafka_sasl_token_file, self.kafka_sasl_token_command]
        if mechanism is None:
            raise _wrong("SASL_MECHANISM", "with SASL it must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER")
        if mechanism == "OAUTHBEARER":
            if sum(each is not None for each in tokens) != 1:
                raise _wrong("SASL_TOKEN_FILE", "with OAUTHBEARER set this, or PENCHANT_KAFKA_SASL_TOKEN_COMMAND")
            return
        if not self.kafka_sasl_username:
            raise _wrong("SASL_USERNAME", f"with {mechanism} it must be set")
        if self.kafka_sasl_password is None:
            raise _wrong("SASL_PASSWORD", f"with {mechanism} set this, or PENCHANT_KAFKA_SASL_PASSWORD_FILE")

    @property
    def brokers(self) -> Brokers:
        """What clients of Kafka are made of."""
        if self.kafka_security_protocol == "PLAINTEXT":
            return Brokers(self.bootstrap)
        tls = Tls(
            ca=self.kafka_ssl_ca,
            certificate=self.kafka_ssl_certificate,
            key=self.kafka_ssl_key,
            key_password=self.kafka_ssl_key_password,
            check_hostname=self.kafka_ssl_check_hostname,
        )
        security = Security(
            protocol=self.kafka_security_protocol,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_sasl_username,
            password=self.kafka_sasl_password,
            tokens=Tokens(self.kafka_sasl_token_file, self.kafka_sasl_token_command),
            tls=tls,
        )
        return Brokers(self.bootstrap, security)


def _wrong(name: str, words: str) -> Misconfigured:
    return Misconfigured(f"settings are wrong: PENCHANT_KAFKA_{name}: {words}")
