"""Ways in which a running Redis refuses for a while, each with its end; all by commands that anybody may give it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis

from tests.support.waiting import until

ENDLESS = "while true do end"


@dataclass(frozen=True)
class RedisRefusal:
    """begin, end: of the refusal, by a client of that Redis. says: words of what is told of it."""

    begin: Callable[[Any], None]
    end: Callable[[Any], None]
    says: str


def fill_up(client: Any) -> None:
    """Full: no write is taken, and none would be if all connections gave their buffers back."""
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)


def make_room(client: Any) -> None:
    """As large as it likes again."""
    client.config_set("maxmemory", 0)


def become_replica(client: Any) -> None:
    """Of a primary that is not there: it keeps what it has, and takes no writes."""
    client.execute_command("REPLICAOF", "127.0.0.1", "1")


def become_primary(client: Any) -> None:
    """Writable again."""
    client.execute_command("REPLICAOF", "NO", "ONE")


def _fail_to_save(client: Any) -> None:
    client.config_set("dir", "/proc")
    client.config_set("save", "3600 1")
    client.execute_command("BGSAVE")
    assert until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")


def _save_nothing(client: Any) -> None:
    client.config_set("save", "")


def _orphan(client: Any) -> None:
    become_replica(client)
    client.config_set("replica-serve-stale-data", "no")


def _adopt(client: Any) -> None:
    client.config_set("replica-serve-stale-data", "yes")
    become_primary(client)


def _hang(client: Any) -> None:
    """A script of somebody else that does not end."""
    client.config_set("lua-time-limit", 1)
    other = client.connection_pool.make_connection()
    other.connect()
    other.send_command("EVAL", ENDLESS, 0)

    def busy() -> bool:
        try:
            client.get("x")
        except redis.ResponseError as error:
            return "BUSY" in str(error)
        return False

    assert until(busy)
    client.busy_connection = other


def _kill_script(client: Any) -> None:
    client.script_kill()
    client.busy_connection.disconnect()


REFUSALS = {
    "full": RedisRefusal(fill_up, make_room, "Redis is full (OOM"),
    "read-only": RedisRefusal(become_replica, become_primary, "Redis is a replica, and takes no writes (READONLY"),
    "no disk": RedisRefusal(_fail_to_save, _save_nothing, "cannot save to its disk, and takes no writes (MISCONF"),
    "orphaned": RedisRefusal(_orphan, _adopt, "Redis is a replica"),
    "busy": RedisRefusal(_hang, _kill_script, "is busy with somebody's script (BUSY"),
}
