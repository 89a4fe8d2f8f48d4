"""Redis as operators run it: with TLS and users, three nodes of a cluster, a primary with a replica and sentinels."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from deploy.local.processes import ChildProcess
from deploy.local.services import free_port
from penchant.errors import Misconfigured
from tests.support.certificates import Signed
from tests.support.waiting import until

_SLOTS = 16_384
_START_S = 20.0


def executable() -> str:
    """The system's redis-server, as the embedded one is made without TLS. Raises Misconfigured if there is none."""
    found = shutil.which("redis-server")
    if found is None:
        raise Misconfigured("no redis-server is installed (Debian: apt-get install redis-server)")
    return found


@dataclass(frozen=True)
class RedisServer:
    """One process."""

    child: ChildProcess
    port: int

    @property
    def url(self) -> str:
        """Its address, plain."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **login: str) -> Any:
        """A client of its own, whatever it is part of. Any: redis-py types answers by how they are asked for."""
        return redis.Redis(port=self.port, socket_timeout=90, **login)  # type: ignore[arg-type]

    def stop(self) -> None:
        """End it."""
        self.child.stop()


def start(
    folder: Path, *options: str, name: str = "redis", port: int | None = None, sentinel: bool = False
) -> RedisServer:
    """Start one, and wait until it listens. options: as on the command line, `--appendonly yes`."""
    port = port or free_port()
    home = folder / f"{name}-{port}"
    home.mkdir(exist_ok=True)
    file = home / "redis.conf"
    if not file.exists():
        file.write_text("", encoding="utf-8")  # sentinels and nodes write down there what they know
    command = [executable(), str(file), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
    command += options if sentinel else ["--save", "", "--repl-diskless-sync-delay", "0", *options]
    child = ChildProcess(f"{name}-{port}", command + (["--sentinel"] if sentinel else []), home / "log")
    words = b"monitor" if sentinel else b"Ready to accept"
    if not until(lambda: child.exit_code is not None or words in (home / "log").read_bytes(), _START_S):
        child.kill()
    if child.exit_code is not None:
        raise AssertionError(f"redis-server ended:\n{child.last_lines()}")
    return RedisServer(child, port)


def rights(role: str, prefix: str) -> str:
    """What docs/running.md says of a role, for another prefix."""
    page = (Path(__file__).parents[2] / "docs" / "running.md").read_text("utf-8")
    _, _, table = page.partition("| role | rules |")
    (rules,) = re.findall(rf"^\| {role} \| `([^`]+)` \|$", table, re.MULTILINE)
    return str(rules).replace("penchant", prefix)


def start_secured(folder: Path, ca: Path, signed: Signed, users: Sequence[str]) -> RedisServer:
    """One that speaks TLS alone; users: lines of ACL SETUSER, without which nobody gets in."""
    port = free_port()
    acl = folder / f"users-{port}.acl"
    acl.write_text("user default off\n" + "".join(f"user {line}\n" for line in users), encoding="utf-8")
    options = ["--tls-port", str(port), "--tls-cert-file", str(signed.certificate), "--tls-key-file", str(signed.key)]
    options += ["--tls-ca-cert-file", str(ca), "--tls-auth-clients", "optional", "--aclfile", str(acl)]
    home = folder / f"redis-{port}"
    home.mkdir()
    command = [executable(), "--port", "0", "--bind", "127.0.0.1", "--dir", str(home), "--save", "", *options]
    child = ChildProcess(f"redis-{port}", command, home / "log")
    assert until(lambda: b"Ready to accept" in (home / "log").read_bytes(), _START_S), child.last_lines()
    return RedisServer(child, port)


class RedisCluster:
    """Three primaries, each with a third of the slots."""

    def __init__(self, folder: Path) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port")
        among_nodes = [free_port() for _ in range(3)]  # where they talk to each other
        self.nodes = [start(folder, *options, str(port), name="node") for port in among_nodes]
        bounds = [0, _SLOTS // 3, 2 * _SLOTS // 3, _SLOTS]
        for node, first, last in zip(self.nodes, bounds, bounds[1:], strict=False):
            with node.client() as client:
                client.execute_command("CLUSTER ADDSLOTSRANGE", first, last - 1)
                for other, port in zip(self.nodes, among_nodes, strict=True):
                    client.execute_command("CLUSTER MEET", "127.0.0.1", other.port, port)
        assert until(lambda: all(map(_knows_all, self.nodes)), _START_S), "the nodes do not find each other"

    @property
    def url(self) -> str:
        """Its address; two of the nodes are enough."""
        first, second, _ = self.nodes
        return f"redis+cluster://127.0.0.1:{first.port},127.0.0.1:{second.port}"

    def stop(self) -> None:
        """End all."""
        for node in self.nodes:
            node.stop()


def _knows_all(node: RedisServer) -> bool:
    with node.client() as client:
        told = client.execute_command("CLUSTER INFO")
    return bool(
        told["cluster_state"] == "ok" and told["cluster_known_nodes"] == "3" and told["cluster_slots_ok"] == "16384"
    )


class Sentinels:
    """A primary, a replica, and three sentinels who make the replica the primary once two miss that for a second."""

    SERVICE = "shop"

    def __init__(self, folder: Path) -> None:
        self.primary = start(folder, name="primary")
        self.replica = start(folder, "--replicaof", "127.0.0.1", str(self.primary.port), name="replica")
        assert until(self._in_step, _START_S), self.replica.child.last_lines()
        self.sentinels = [self._sentinel(folder) for _ in range(3)]
        assert until(lambda: all(map(self._sees_all, self.sentinels)), _START_S), "sentinels do not find each other"

    @property
    def url(self) -> str:
        """Its address."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.SERVICE}/0"

    def stop(self) -> None:
        """End all."""
        for each in (*self.sentinels, self.replica, self.primary):
            each.stop()

    def _sentinel(self, folder: Path, *lines: str) -> RedisServer:
        port = free_port()
        home = folder / f"sentinel-{port}"
        home.mkdir()
        (home / "redis.conf").write_text(
            f"sentinel monitor {self.SERVICE} 127.0.0.1 {self.primary.port} 2\n"
            f"sentinel down-after-milliseconds {self.SERVICE} 1000\n"
            f"sentinel failover-timeout {self.SERVICE} 4000\n" + "".join(f"{line}\n" for line in lines),
            encoding="utf-8",
        )
        return start(folder, name="sentinel", port=port, sentinel=True)

    def _in_step(self) -> bool:
        with self.replica.client() as client:
            return bool(client.info("replication")["master_link_status"] == "up")

    def _sees_all(self, sentinel: RedisServer) -> bool:
        with sentinel.client() as client:
            told = client.execute_command("SENTINEL MASTER", self.SERVICE)
        fields = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
        return int(fields["num-other-sentinels"]) == 2 and int(fields["num-slaves"]) == 1
