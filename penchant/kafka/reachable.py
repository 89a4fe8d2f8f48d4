"""Whether a broker listens, shows a certificate that we trust, and takes who we are, asked before a client is made.

kafka-python would go on trying for its whole timeout, and leave a thread and its sockets behind.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

from penchant.errors import Misconfigured
from penchant.kafka.sasl_handshake import api_versions, authenticate, mechanisms_offered
from penchant.kafka.tls_refusals import why

__all__ = ["check_reachable", "security_missed"]


def check_reachable(bootstrap: str, timeout_s: float = 10.0, options: Mapping[str, Any] | None = None) -> None:
    """Connect to one of the bootstrap servers, as `options` of kafka-python say, and hang up.

    Raises OSError at once where none listens; Misconfigured if TLS or SASL is refused, by either side.
    """
    *others, last = bootstrap.split(",")
    for server in others:
        with suppress(OSError):
            return _connect(server, timeout_s, options or {})
    return _connect(last, timeout_s, options or {})


def _connect(server: str, timeout_s: float, options: Mapping[str, Any]) -> None:
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        raise Misconfigured(f"{server!r} is no address of a broker: write host:port, several with commas")
    protocol = str(options.get("security_protocol", "PLAINTEXT"))
    with closing(socket.create_connection((host.strip("[]"), int(port)), timeout_s)) as plain:
        if protocol == "PLAINTEXT":
            return
        if not protocol.endswith("SSL"):
            authenticate(plain, server, options)
            return
        try:
            with _context_of(options).wrap_socket(plain, server_hostname=host.strip("[]")) as secured:
                api_versions(secured)
                if protocol == "SASL_SSL":
                    authenticate(secured, server, options)
        except ssl.SSLError as error:
            raise Misconfigured(f"no TLS with the broker at {server}: {why(error, 'PENCHANT_KAFKA_')}") from error
        except (ConnectionError, EOFError) as error:
            raise Misconfigured(
                f"the broker at {server} ends the TLS handshake ({error}): is it a listener with TLS? If it asks for a "
                "client's certificate, set PENCHANT_KAFKA_SSL_CERTIFICATE and PENCHANT_KAFKA_SSL_KEY"
            ) from error


def security_missed(bootstrap: str, timeout_s: float = 2.0) -> str:
    """What a listener wants that a plain connection does not bring, as a sentence's end; "" if nothing is known of it.

    To be asked once a plain client has failed: it hears no more than that the connection ends.
    """
    for server in bootstrap.split(","):
        with suppress(OSError):
            return _missed(server.strip(), timeout_s)
    return ""


def _missed(server: str, timeout_s: float) -> str:
    host, _, port = server.rpartition(":")
    with closing(socket.create_connection((host.strip("[]"), int(port)), timeout_s)) as plain:
        try:
            offered = mechanisms_offered(plain)
        except TimeoutError:
            return ""
        except ConnectionError:
            return f"{server} speaks TLS, or no Kafka: set PENCHANT_KAFKA_SECURITY_PROTOCOL to SASL_SSL or SSL"
    if not offered:
        return ""
    return (
        f"{server} asks who we are ({', '.join(offered)}): set PENCHANT_KAFKA_SECURITY_PROTOCOL to SASL_PLAINTEXT, and "
        "PENCHANT_KAFKA_SASL_MECHANISM"
    )


def _context_of(options: Mapping[str, Any]) -> ssl.SSLContext:
    """The TLS context that kafka-python makes of its options."""
    from kafka.net.transport import KafkaSSLTransport

    given = {name: value for name, value in options.items() if name in KafkaSSLTransport.DEFAULT_CONFIG}
    made: ssl.SSLContext = KafkaSSLTransport._build_ssl_context({**KafkaSSLTransport.DEFAULT_CONFIG, **given})
    return made
