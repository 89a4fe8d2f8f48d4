"""Where the blend's weights lie: read by every worker, written by the owner of user partition 0 alone."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from serving.redis.answers import asked
from stream.store.statistics_snapshots import WRITER


def blend_key(keys: str) -> str:
    """Where the weights stand; `keys`: first part of the keys' names. It shares a slot with their writer's token."""
    return f"{{{keys}:{WRITER}}}:blend"


def _no_token() -> str:
    return ""


class SharedBlend:
    """redis: a client. token: the one by which I own the partition, empty if I do not. Raises as `asked` does."""

    def __init__(self, redis: Any, keys: str, token: Callable[[], str] = _no_token) -> None:
        self._redis = redis
        self._key = blend_key(keys)
        self._owner = f"{{{keys}:{WRITER}}}:owner"
        self._token = token
        self._put = redis.register_script(files("stream.store").joinpath("put_owned.lua").read_text())

    async def read(self) -> bytes | None:
        """What stands there."""
        packed: bytes | None = await asked(lambda: self._redis.get(self._key))
        return packed

    async def write(self, packed: bytes) -> bool:
        """Put them there. False if the partition is another worker's by now, whose weights stay."""
        arguments = [self._token(), packed]
        answer = await asked(lambda: self._put(keys=[self._owner, self._key], args=arguments))
        return bool(answer == b"written")
