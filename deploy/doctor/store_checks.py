"""What `penchant doctor` finds of the store: would it take a write, would it throw users away, and what time is it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from deploy.doctor.check_result import CheckResult
from deploy.options import need
from penchant.errors import Misconfigured, PenchantError, Unavailable
from serving.configuration.setting_errors import origin
from serving.connections import Connections
from serving.redis.url import address_of, without_password

__all__ = ()

_OLDEST = (6, 2)
_PATIENCE_S = 5.0


def store(settings: Connections) -> CheckResult:
    """Ask the store how it is, as far as it tells."""
    need("worker", "redis")
    address = without_password(settings.redis)
    try:
        every = _ask(settings, lambda client: client.ping() and _info(client))
    except Unavailable as error:
        do = "start Redis, or say where it is with --redis or PENCHANT_REDIS"
        return CheckResult(ok=False, found=f"{error}{origin('redis', settings.redis)}", do=do)
    is_of_cluster = address_of(settings.redis).kind == "cluster"
    used = sum(told.get("used_memory", 0) for told in every)
    policies = ", ".join(sorted({told.get("maxmemory_policy", "unknown") for told in every}))
    most = sum(told.get("maxmemory", 0) for told in every)
    figures = {"used_memory_bytes": used, "maxmemory_policy": policies, "maxmemory_bytes": most}
    for wrong in filter(None, (_wrong(told, of_cluster=is_of_cluster) for told in every)):
        found, do = wrong
        return CheckResult(ok=False, found=f"{address} {found}", do=do, figures=figures)
    return CheckResult(ok=True, found=f"answers at {address}, {used / 1e6:.1f} MB used", figures=figures)


def clock(settings: Connections) -> CheckResult:
    """Compare this machine's clock with the store's."""
    need("worker", "redis")
    from stream.monitoring.clock import FAR_MS, apart

    seconds, micros = _ask(settings, lambda client: client.time())
    mine_ms, theirs_ms = time.time_ns() // 1_000_000, seconds * 1000 + micros // 1000
    figures = {"skew_ms": mine_ms - theirs_ms}
    if abs(mine_ms - theirs_ms) > FAR_MS:
        found, _, do = apart(mine_ms, theirs_ms).partition(": ")
        return CheckResult(ok=False, found=found, do=f"{do}: workers do not start so", figures=figures)
    found = f"{abs(mine_ms - theirs_ms) / 1000:.1f} s from Redis's"
    return CheckResult(ok=True, found=found, figures=figures)


def _wrong(told: Mapping[str, Any], *, of_cluster: bool) -> tuple[str, str] | None:
    """What is wrong with a Redis by what INFO tells, and what to do; None if nothing is."""
    from serving.redis.answers import MEANINGS

    used, most = told.get("used_memory", 0), told.get("maxmemory", 0)
    unsaved = "err" in {told.get("rdb_last_bgsave_status"), told.get("aof_last_write_status")}
    version = tuple(int(part) for part in str(told.get("redis_version", "6.2")).split(".")[:2] if part.isdigit())
    for wrong, word in (
        (bool(told.get("loading")), "LOADING"),
        (bool(told.get("cluster_enabled")) and not of_cluster, "MOVED"),
        (version < _OLDEST, "UNKNOWN"),
        (told.get("role") == "slave" and not of_cluster, "READONLY"),
        (bool(most) and used >= most, "OOM"),
        (unsaved, "MISCONF"),
    ):
        if wrong:
            return MEANINGS[word].what, MEANINGS[word].do
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return (
            f"may throw any user away when it is full (maxmemory-policy {policy})",
            "set maxmemory-policy noeviction: interests expire by themselves",
        )
    return None


def _info(client: Any) -> list[dict[str, Any]]:
    """What INFO tells, of each node of a cluster; nothing, if this user may not ask."""
    from redis.exceptions import NoPermissionError

    try:
        told: dict[str, Any] = client.info()
    except NoPermissionError:
        return [{}]
    return [told] if "redis_version" in told else list(told.values())


def _ask(settings: Connections, call: Callable[[Any], Any]) -> Any:
    """What the store answers, asked once. Raises Unavailable and Misconfigured."""
    import redis

    from serving.redis.answers import told
    from serving.redis.clients import blocking_client

    try:
        with blocking_client(settings.redis, _PATIENCE_S) as client:
            return call(client)
    except (redis.RedisError, redis.RedisClusterException, OSError) as error:
        ours: PenchantError | None = told(error)
        raise ours or Misconfigured(f"Redis cannot be asked ({error})") from error
