"""The settings by which Redis is reached within TLS; they become part of its address, which goes everywhere."""

from pathlib import Path

from pydantic import Field

from serving.kafka.kafka_settings import KafkaSettings
from serving.redis.url import with_parameters

__all__ = ["StoreSettings", "within_tls"]


class StoreSettings(KafkaSettings):
    """Beside where Kafka is. Whoever builds upon it has the address."""

    redis_ssl_ca: Path | None = Field(
        default=None, description="The CA of Redis's certificate, a file in PEM; default: the system's own."
    )
    redis_ssl_certificate: Path | None = Field(
        default=None, description="A client's certificate in PEM, where Redis asks for one."
    )
    redis_ssl_key: Path | None = Field(default=None, description="Its key in PEM, without a password.")
    redis_ssl_check_hostname: bool = Field(
        default=True, description="Whether Redis's certificate must be for the name by which it is reached."
    )


def within_tls(url: str, given: dict[str, object]) -> str:
    """The address with what such settings say, by field; what stands in it already stays.

    >>> within_tls("rediss://h:6379/0", {"redis_ssl_ca": "/ca.pem", "redis_ssl_check_hostname": True})
    'rediss://h:6379/0?ssl_ca_certs=%2Fca.pem'
    >>> within_tls("redis://h:6379/0", {"redis_ssl_ca": "/ca.pem"})
    'redis://h:6379/0'
    """
    if not url.startswith("rediss"):
        return url
    names = {"redis_ssl_ca": "ssl_ca_certs", "redis_ssl_certificate": "ssl_certfile", "redis_ssl_key": "ssl_keyfile"}
    told = {name: str(given[field]) for field, name in names.items() if given.get(field) is not None}
    if given.get("redis_ssl_check_hostname") is False:
        told["ssl_check_hostname"] = "false"
    return with_parameters(url, told)
