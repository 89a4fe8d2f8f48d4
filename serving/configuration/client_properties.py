"""A file of Kafka's client properties, by librdkafka's names, as the consoles of managed clusters show them."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penchant.errors import Misconfigured
from serving.configuration.dotenv import encoding_of

__all__ = ["VARIABLE", "read_properties"]

VARIABLE: Final = "PENCHANT_KAFKA_CONFIG"
# librdkafka's names, and our settings'.
_SETTINGS = {
    "bootstrap.servers": "bootstrap",
    "metadata.broker.list": "bootstrap",
    "security.protocol": "kafka_security_protocol",
    "sasl.mechanism": "kafka_sasl_mechanism",
    "sasl.mechanisms": "kafka_sasl_mechanism",
    "sasl.username": "kafka_sasl_username",
    "sasl.password": "kafka_sasl_password",
    "ssl.ca.location": "kafka_ssl_ca",
    "ssl.certificate.location": "kafka_ssl_certificate",
    "ssl.key.location": "kafka_ssl_key",
    "ssl.key.password": "kafka_ssl_key_password",
    "ssl.endpoint.identification.algorithm": "kafka_ssl_check_hostname",
}
_PEM = "write it into a file of its own, and name that with {}"
_STORE = "keys and certificates are read from PEM files (openssl pkcs12 makes them): {}"
# What would be lost in silence, and what to write in its place.
_INSTEAD = {
    "sasl.jaas.config": "that is for Java's clients: write sasl.username=… and sasl.password=…",
    "sasl.client.callback.handler.class": "that is for Java's clients: set PENCHANT_KAFKA_SASL_TOKEN_COMMAND",
    "sasl.login.callback.handler.class": "that is for Java's clients: set PENCHANT_KAFKA_SASL_TOKEN_COMMAND",
    "sasl.oauthbearer.": "fetch tokens with a command of yours: set PENCHANT_KAFKA_SASL_TOKEN_COMMAND, or _FILE",
    "sasl.kerberos.": "GSSAPI cannot be spoken: use a listener with SCRAM, PLAIN or OAUTHBEARER",
    "ssl.ca.pem": _PEM.format("ssl.ca.location"),
    "ssl.certificate.pem": _PEM.format("ssl.certificate.location"),
    "ssl.key.pem": _PEM.format("ssl.key.location"),
    "ssl.keystore.": _STORE.format("write ssl.certificate.location and ssl.key.location"),
    "ssl.truststore.": _STORE.format("write ssl.ca.location"),
    "ssl.key.password.callback": "write ssl.key.password",
}
_AS_IT_IS = {"enable.ssl.certificate.verification"}  # true
_SECURES = ("sasl.", "ssl.", "security.", "enable.ssl.", "enable.sasl.")


@dataclass(frozen=True)
class ClientProperties:
    """values: by our settings' names. ignored: a sentence for each that changes nothing."""

    values: dict[str, str]
    ignored: tuple[str, ...] = ()


def read_properties(file: Path) -> ClientProperties:
    """Read it: `key=value` lines, `#` before a comment. Raises Misconfigured, which quotes no value.

    What is meant to secure the connection and is not known is refused: it would be a connection that nobody wanted.
    """
    encoding = encoding_of(file)
    if encoding is None:
        raise Misconfigured(f"{VARIABLE}: there is no file {file}")
    values: dict[str, str] = {}
    ignored = []
    for number, name, line in _lines(file.read_text(encoding=encoding)):
        where = f"{VARIABLE}: {file}, line {number}"
        if "=" not in line:
            raise Misconfigured(f"{where} is no name=value")
        value = line.partition("=")[2].strip()
        if "{{" in value or (value.startswith("<") and value.endswith(">")):
            raise Misconfigured(f"{where}: {name} still has the placeholder of the console: write the value")
        if name in _SETTINGS:
            values[_SETTINGS[name]] = _value(name, value, where)
        elif told := _refusal(name, value):
            raise Misconfigured(f"{where}: {name} cannot be used: {told}")
        elif name not in _AS_IT_IS:
            ignored.append(f"{where}: {name} changes nothing: Penchant sets its clients itself")
    return ClientProperties(values, tuple(ignored))


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """The lines that say something: number, name, and all of the line."""
    for number, line in enumerate(text.splitlines(), 1):
        if (line := line.strip()) and line[0] not in "#!;":
            yield number, line.partition("=")[0].strip().lower(), line


def _value(name: str, value: str, where: str) -> str:
    if name != "ssl.endpoint.identification.algorithm":
        return value
    if value.lower() not in {"https", "none", ""}:
        raise Misconfigured(f"{where}: {name} is https, or none, which leaves the name unchecked")
    return "true" if value.lower() == "https" else "false"


def _refusal(name: str, value: str) -> str:
    """Why a name cannot be left out; "" if it can."""
    if name == "enable.ssl.certificate.verification":
        return "" if value.lower() == "true" else "certificates are always checked: name the CA with ssl.ca.location"
    for begin, words in _INSTEAD.items():
        if name.startswith(begin):
            return words
    if not name.startswith(_SECURES):
        return ""
    near = difflib.get_close_matches(name, _SETTINGS, n=1)
    return (
        f"is {near[0]} meant?" if near else "it is not known here, and the connection may need it: take it out if not"
    )
