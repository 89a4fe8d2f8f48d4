"""Clients of redis-py for whatever an address names: one Redis, the primary that sentinels name, a cluster.

Each is made without asking anybody; it connects when it is first asked.
"""

from typing import Any

from redis import Redis, exceptions, sentinel
from redis import asyncio as redis_asyncio
from redis.asyncio import sentinel as asynchronous_sentinel
from redis.asyncio.cluster import ClusterNode as AsynchronousNode
from redis.asyncio.connection import parse_url as parse_asynchronously
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import SSLConnection, parse_url

from penchant.errors import Misconfigured
from serving.redis.url import WANTED, Address, address_of

__all__ = ["blocking_client", "client_of", "generation", "is_cluster"]

_blocking_parse: Any = parse_url  # which have no types
_blocking_sentinels: Any = sentinel.Sentinel
_OF_CONNECTIONS = ("socket_", "ssl")  # what sentinels are told of these, too


class _AsynchronousOfSentinels(redis_asyncio.Redis):
    sentinels: Any

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Hang up, on the sentinels too."""
        await super().aclose(close_connection_pool)
        await self.sentinels.aclose()


class _PoolOfPrimary(asynchronous_sentinel.SentinelConnectionPool):
    """generation: counts the primaries that sentinels have named."""

    generation = 0
    _named: Any = None

    async def get_master_address(self) -> Any:
        """Ask the sentinels."""
        address = await super().get_master_address()  # type: ignore[no-untyped-call]
        self.generation += address != self._named
        self._named = address
        return address


class _ToPrimary(asynchronous_sentinel.SentinelManagedConnection):
    """redis-py asks the sentinels again once a primary says that it is none any more, but not if a script says so.

    What is in use when another primary is named would stay with the old one: states would be read from the one, and
    written to the other.
    """

    async def connect(self) -> None:
        """Be connected, to the primary that was named last."""
        if self.is_connected and self.connection_pool.master_address != (self.host, self.port):
            await self.disconnect()
        await super().connect()  # type: ignore[no-untyped-call]

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read; what a replica refuses ends the connection, so that the next one is to the primary of then."""
        try:
            return await super().read_response(*arguments, **options)
        except exceptions.ResponseError as error:
            if "READONLY" in str(error):
                await self.disconnect()
                raise exceptions.ConnectionError("this primary is a replica by now") from error
            raise


class _SecuredToPrimary(_ToPrimary, asynchronous_sentinel.SentinelManagedSSLConnection):
    """Likewise, within TLS."""


def client_of(url: str, patience_s: float, **options: Any) -> Any:
    """An asynchronous client. Raises Misconfigured, without the address.

    Any: the library's types say that any answer may be text or bytes; ours are bytes, as nothing is decoded.
    """
    patience: dict[str, Any] = {"socket_timeout": patience_s, "socket_connect_timeout": patience_s}
    try:
        address = address_of(url)
        if address.kind == "sentinel":
            return _of_sentinels(address, patience, options)
        if address.kind == "cluster":
            told = _told(parse_asynchronously(address.one))
            nodes = [AsynchronousNode(host, port) for host, port in address.hosts]
            return redis_asyncio.RedisCluster(startup_nodes=nodes, **told, **patience, **options)
        client = redis_asyncio.Redis.from_url(address.one, **patience, **options)
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # looks at what stands behind the ?
    except (ValueError, TypeError, exceptions.RedisError, exceptions.RedisClusterException):
        raise Misconfigured(f"PENCHANT_REDIS or --redis: {WANTED}") from None
    return client


def blocking_client(url: str, patience_s: float) -> Any:
    """The same for a command that asks once; a cluster is asked for its nodes at once. Raises as redis-py does, too."""
    patience: dict[str, Any] = {"socket_timeout": patience_s, "socket_connect_timeout": patience_s}
    try:
        address = address_of(url)
        told = _told(_blocking_parse(address.one))
        if address.kind == "sentinel":
            shared = _shared(told, patience)
            made: Any = _blocking_sentinels(address.hosts, sentinel_kwargs={**shared, **dict(address.of_sentinels)})
            return made.master_for(address.service, Redis, **told, **patience)
        if address.kind == "one":
            client = Redis.from_url(address.one, **patience)
            client.connection_pool.make_connection()
            return client
    except (ValueError, TypeError):
        raise Misconfigured(f"PENCHANT_REDIS or --redis: {WANTED}") from None
    nodes = [ClusterNode(host, port) for host, port in address.hosts]  # type: ignore[no-untyped-call]
    return RedisCluster(startup_nodes=nodes, **told, **patience)


def is_cluster(client: Any) -> bool:
    """Whether it talks to the nodes of a cluster, rather than to one Redis."""
    return isinstance(client, RedisCluster | redis_asyncio.RedisCluster)


def generation(client: Any) -> int:
    """How many primaries sentinels have named to a client so far; 0 without sentinels."""
    return int(getattr(getattr(client, "connection_pool", None), "generation", 0))


def _of_sentinels(address: Address, patience: dict[str, Any], options: dict[str, Any]) -> Any:
    told = _told(parse_asynchronously(address.one))
    shared = _shared(told, patience)
    sentinels = asynchronous_sentinel.Sentinel(  # type: ignore[no-untyped-call]
        address.hosts, sentinel_kwargs={**shared, **dict(address.of_sentinels), **options}
    )
    kind = _SecuredToPrimary if told.pop("ssl", False) else _ToPrimary
    client = sentinels.master_for(
        address.service,
        _AsynchronousOfSentinels,
        _PoolOfPrimary,
        **told,
        **patience,
        **options,
        connection_class=kind,
    )
    client.sentinels = sentinels
    return client


def _told(parsed: Any) -> dict[str, Any]:
    """What an address says beside host and port."""
    told = {name: value for name, value in parsed.items() if name not in {"host", "port"}}
    if (kind := told.pop("connection_class", None)) is not None:
        told["ssl"] = kind.__name__ == SSLConnection.__name__
    return told


def _shared(told: dict[str, Any], patience: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name.startswith(_OF_CONNECTIONS)} | patience
