"""Who we are, said to a broker once and by hand, so that a refusal is told at once and in words.

kafka-python tries again and again, and tells a wrong password like a broker that is away.
"""

import struct
from collections.abc import Mapping
from typing import Any, Protocol

from penchant.errors import Misconfigured

__all__ = ()

_API_VERSIONS, _SASL_HANDSHAKE, _SASL_AUTHENTICATE = 18, 17, 36
_UNSUPPORTED_MECHANISM, _ILLEGAL_STATE = 33, 34
_CLIENT = b"penchant"
_MOST_BYTES = 1 << 20


class Stream(Protocol):
    """A socket, plain or within TLS."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""

    def recv(self, size: int, /) -> bytes:
        """What has come; nothing once the other side has hung up."""
        ...


def api_versions(stream: Stream) -> None:
    """Ask what the broker speaks, which it tells anybody: only then a refusal of our certificate comes."""
    _ask(stream, _API_VERSIONS, 0, b"")


def mechanisms_offered(stream: Stream) -> list[str]:
    """How a listener wants to be told who we are; nothing if it does not ask. Raises OSError.

    The embedded broker asks nobody, and names one mechanism without a name.
    """
    answer = _ask(stream, _SASL_HANDSHAKE, 1, struct.pack(">h", 0))
    (error_code,) = struct.unpack_from(">h", answer)
    return list(filter(None, _mechanisms(answer))) if error_code == _UNSUPPORTED_MECHANISM else []


def authenticate(stream: Stream, host: str, options: Mapping[str, Any]) -> None:
    """Log in with kafka-python's `sasl_…` options. Raises Misconfigured if the broker does not take them; OSError."""
    from kafka.errors import KafkaError
    from kafka.net.sasl import get_sasl_mechanism

    name = str(options["sasl_mechanism"])
    raw = name.encode()
    answer = _ask(stream, _SASL_HANDSHAKE, 1, struct.pack(">h", len(raw)) + raw)
    (error_code,) = struct.unpack_from(">h", answer)
    if error_code == _UNSUPPORTED_MECHANISM:
        offered = ", ".join(_mechanisms(answer)) or "none"
        raise Misconfigured(
            f"the broker at {host} does not take {name}, but {offered}: "
            "set PENCHANT_KAFKA_SASL_MECHANISM to one of them"
        )
    if error_code == _ILLEGAL_STATE:
        raise Misconfigured(
            f"the broker at {host} wants no user and password there: set PENCHANT_KAFKA_SECURITY_PROTOCOL to SSL or "
            "PLAINTEXT, or name the port of its SASL listener"
        )
    _check(error_code, host, "", name)
    mechanism = get_sasl_mechanism(name)(host=host, **options)
    while not mechanism.is_done():
        token = mechanism.auth_bytes()
        answer = _ask(stream, _SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        (error_code,) = struct.unpack_from(">h", answer)
        words, rest = _nullable_string(answer, 2)
        _check(error_code, host, words, name)
        (size,) = struct.unpack_from(">i", answer, rest)
        try:
            mechanism.receive(answer[rest + 4 : rest + 4 + max(size, 0)])
        except (KafkaError, ValueError) as error:  # it does not know the password itself
            raise Misconfigured(
                f"the broker at {host} cannot show that it knows our password: is it the one?"
            ) from error
    if not mechanism.is_authenticated():
        _check(-1, host, "", name)


def _check(error_code: int, host: str, words: str, mechanism: str) -> None:
    if not error_code:
        return
    told = f" ({words})" if words else ""
    if mechanism == "OAUTHBEARER":
        raise Misconfigured(
            f"the broker at {host} does not take our token{told}: has it expired, and is it for this broker? It comes "
            "from PENCHANT_KAFKA_SASL_TOKEN_FILE or PENCHANT_KAFKA_SASL_TOKEN_COMMAND"
        )
    raise Misconfigured(
        f"the broker at {host} does not take our user and password{told}: check PENCHANT_KAFKA_SASL_USERNAME, "
        "PENCHANT_KAFKA_SASL_PASSWORD and PENCHANT_KAFKA_SASL_MECHANISM"
    )


def _mechanisms(answer: bytes) -> list[str]:
    (count,) = struct.unpack_from(">i", answer, 2)
    found, at = [], 6
    for _ in range(count):
        name, at = _nullable_string(answer, at)
        found.append(name)
    return found


def _nullable_string(answer: bytes, at: int) -> tuple[str, int]:
    """A string, and where it ends; "" for none."""
    (size,) = struct.unpack_from(">h", answer, at)
    end = at + 2 + max(size, 0)
    return answer[at + 2 : end].decode(errors="replace"), end


def _ask(stream: Stream, api: int, version: int, body: bytes) -> bytes:
    """One request, and the answer behind its number."""
    request = struct.pack(">hhih", api, version, 0, len(_CLIENT)) + _CLIENT + body
    stream.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", _read(stream, 4))
    if not 4 <= size <= _MOST_BYTES:
        raise ConnectionError("what answers is no broker")
    return _read(stream, size)[4:]


def _read(stream: Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            raise ConnectionResetError("the connection was closed")
        data += more
    return data
