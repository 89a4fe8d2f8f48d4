"""Addresses of brokers as people write them, made into those that every client library understands. No I/O.

A ValueError says what is wrong and what to write; it never quotes a name or a password that stands in an address.
"""

import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://")
_SERVER = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[\w.-]+)(?::(?P<port>.*))?", re.DOTALL)
_PLAIN = frozenset({"plaintext", "kafka"})
_SECURED = frozenset({"ssl", "sasl_ssl", "sasl_plaintext"})
_DIGITS = re.compile(r"[0-9]{1,5}")


def servers(text: str) -> str:
    """Kafka's bootstrap servers: host:port, joined by single commas, each once, without what others put around them.

    >>> servers(" PLAINTEXT://kafka-1:9092, kafka-2:9092,, kafka-1:9092/ ,"), servers("[::1]:9092")
    ('kafka-1:9092,kafka-2:9092', '[::1]:9092')
    """
    found = [_server(part) for each in text.split(",") if (part := each.strip())]
    if not found:
        raise ValueError("it names no broker: write host:port, several with commas")
    return ",".join(dict.fromkeys(found))


def protocol(text: str) -> str | None:
    """The security protocol that stands before a secured broker's address; None if none does.

    >>> protocol("SASL_SSL://kafka-1:9092,SASL_SSL://kafka-2:9092"), protocol("kafka-1:9092")
    ('SASL_SSL', None)
    """
    begin = _SCHEME.match(text.strip().lstrip("\"'"))
    return begin[1].upper() if begin is not None and begin[1].lower() in _SECURED else None


def _server(text: str) -> str:
    scheme = _SCHEME.match(text)
    if scheme is not None:
        _check_scheme(scheme[1])
        text = text[scheme.end() :].removesuffix("/")
    elif text.count("/") == 1:
        text = text.removesuffix("/")
    if re.search(r"[\s;|]", text):
        raise ValueError(f"{text!r} is no address of a broker: write host:port, several with commas between them")
    if "@" in text:
        raise ValueError("a name or a password does not belong into a broker's address: write host:port")
    if text.count(":") > 1 and not text.startswith("["):
        raise ValueError(f"{text!r} is no address of a broker: write an IPv6 address in brackets, [::1]:9092")
    parts = _SERVER.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is no address of a broker: write host:port, several with commas")
    if not parts["port"]:
        raise ValueError(f"{text!r} has no port: Kafka's usual one is 9092, write {parts['host']}:9092")
    return f"{parts['host']}:{_port(parts['port'], text)}"


def _check_scheme(scheme: str) -> None:
    if scheme.lower() not in _PLAIN | _SECURED:
        raise ValueError(f"{scheme}:// is not how a broker is named: write host:port, several with commas")


def _port(text: str, address: str) -> int:
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= 65_535:
        raise ValueError(f"{address!r} has no port that can be: 1 to 65535, as in host:9092")
    return int(text)
