"""Who may ask for what: a file of keys, hashed, each with roles. It is read again when it changes.

    [keys.shop]        # a name for people
    sha256 = "9f86…"   # of the key, 64 hexadecimal digits
    roles = ["ingest", "read"]
    users = ["shop-a-*", "u1"]  # may be absent: whom it is for, by id or by how ids begin

`read`: lists and streams. `ingest`: events. `admin`: commands, and all of the others.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec

from penchant.errors import Misconfigured
from serving.files import toml_files as edited

__all__ = ["Role", "check_keys"]

_log = logging.getLogger(__name__)
_LOOKED_AT_EVERY_S = 0.5


class Role(Enum):
    """What a key may be for."""

    READ = "read"
    INGEST = "ingest"
    ADMIN = "admin"


class _Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]
    roles: Annotated[list[Role], msgspec.Meta(min_length=1)]
    users: Annotated[list[Annotated[str, msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=1)] | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: Annotated[dict[str, _Key], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a key. users: whom it is for: ids, and beginnings of ids before a `*`; None: everybody."""

    name: str
    roles: frozenset[Role]
    users: tuple[str, ...] | None = None

    def may_name(self, user_id: str) -> bool:
        """Whether it is for this user.

        >>> Holder("shop", frozenset(), ("a-*", "u1")).may_name("a-7")
        True
        """
        return self.users is None or any(
            user_id.startswith(each[:-1]) if each.endswith("*") else user_id == each for each in self.users
        )


class KeyFile:
    """Raises Misconfigured if the file cannot be read, or is none. One that is broken later changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holders = _read(path)
        self._stamp = (0, 0)  # so that it is read again if it changed meanwhile
        self._looked_s = time.monotonic()

    def holder(self, key: str) -> Holder | None:
        """Who has a key; None if it is none of the file's."""
        self._look()
        return self._holders.get(sha256(key.encode(errors="surrogateescape")).digest())

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_s < _LOOKED_AT_EVERY_S:
            return
        self._looked_s = now
        try:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._stamp = stamp  # said once, if it is broken
            self._holders = _read(self._path)
        except (Misconfigured, OSError) as error:
            _log.error("the keys stay as they were: %s", error)
        else:
            _log.info("the keys were read again: %d", len(self._holders))


def check_keys(text: str) -> Mapping[str, _Key]:
    """The keys that a file's text has, by name. Raises Misconfigured."""
    return edited.parse(text, _File).keys


def _read(path: Path) -> Mapping[bytes, Holder]:
    try:
        keys = check_keys(edited.read_text(path))
    except OSError as error:
        raise Misconfigured(f"PENCHANT_API_KEYS: {path} cannot be read ({error.strerror})") from error
    except Misconfigured as error:
        raise Misconfigured(f"PENCHANT_API_KEYS: {path}: {error}") from error
    return {
        bytes.fromhex(key.sha256): Holder(name, frozenset(key.roles), tuple(key.users) if key.users else None)
        for name, key in keys.items()
    }


def _stamp(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_mtime_ns, about.st_size
