"""A primary that its replica and most sentinels can no longer reach, while clients can: a partition, by its logins."""

from pathlib import Path
from typing import Any

from tests.support.redis_servers import RedisServer, Sentinels
from tests.support.waiting import until

_PASSWORD = "g3h31m"
_CLIENTS, _PEERS, _ASIDE = "shop", "peers", "aside"
_START_S = 30.0


class CutOffSentinels(Sentinels):
    """Replica and sentinels log in as a user who can be kept out of the primary, and clients as another.

    aside: one more sentinel, on the primary's side of the partition, which goes on naming that: the others have no
    password for it, so it hears from them by the servers alone.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.aside = self._sentinel(folder, f"requirepass {_PASSWORD}")
        servers = (self.primary, self.replica)
        for server in servers:
            with server.client() as client:
                for user in (_CLIENTS, _PEERS, _ASIDE):
                    client.execute_command("ACL", "SETUSER", user, "on", f">{_PASSWORD}", "~*", "&*", "+@all")
                client.config_set("masteruser", _PEERS)
                client.config_set("masterauth", _PASSWORD)
        for each in (*self.sentinels, self.aside):
            with self._ask(each) as client:
                user = _ASIDE if each is self.aside else _PEERS
                client.execute_command("SENTINEL", "SET", self.SERVICE, "auth-user", user)
                client.execute_command("SENTINEL", "SET", self.SERVICE, "auth-pass", _PASSWORD)
        for server in servers:
            with self.enter(server) as client:
                client.execute_command("ACL", "SETUSER", "default", "off", "resetpass")
                client.execute_command("CLIENT", "KILL", "USER", "default")
        assert until(self._together, _START_S), "the replica or a sentinel does not come back with its login"

    @property
    def url(self) -> str:
        """Its address."""
        return super().url.replace("://", f"://{_CLIENTS}:{_PASSWORD}@")

    @property
    def url_aside(self) -> str:
        """The same for a client on the primary's side."""
        host = f"127.0.0.1:{self.aside.port}"
        return f"redis+sentinel://{_CLIENTS}:{_PASSWORD}@{host}/{self.SERVICE}/0?sentinel_password={_PASSWORD}"

    def stop(self) -> None:
        """End all."""
        self.aside.stop()
        super().stop()

    def enter(self, server: RedisServer) -> Any:
        """A client of a server."""
        return server.client(username=_CLIENTS, password=_PASSWORD)

    def cut_off(self) -> None:
        """Keep either side out of the other one, from now on."""
        for server, user in self._other_side():
            with self.enter(server) as client:
                client.execute_command("ACL", "SETUSER", user, "off")
                client.execute_command("CLIENT", "KILL", "USER", user)

    def let_in(self) -> None:
        """Let them in again."""
        for server, user in self._other_side():
            with self.enter(server) as client:
                client.execute_command("ACL", "SETUSER", user, "on")

    def role(self, server: RedisServer) -> str:
        """`master` or `slave`, as a server sees itself."""
        with self.enter(server) as client:
            return str(client.info("replication")["role"])

    def _other_side(self) -> tuple[tuple[RedisServer, str], ...]:
        """Whom each of the two does not see."""
        return (self.primary, _PEERS), (self.replica, _ASIDE)

    def _together(self) -> bool:
        with self.enter(self.replica) as client:
            if client.info("replication")["master_link_status"] != "up":
                return False
        return all(map(self._is_well, (*self.sentinels, self.aside)))

    def _ask(self, sentinel: RedisServer) -> Any:
        return sentinel.client(**({"password": _PASSWORD} if sentinel is self.aside else {}))

    def _is_well(self, sentinel: RedisServer) -> bool:
        with self._ask(sentinel) as client:
            told = client.execute_command("SENTINEL MASTER", self.SERVICE)
        fields = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
        return str(fields["flags"]) == "master" and int(fields["num-slaves"]) == 1
