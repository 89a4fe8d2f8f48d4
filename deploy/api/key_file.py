"""A new key for the API: drawn at random, told once, and kept as a hash."""

import json
import os
import secrets
import tempfile
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path

from penchant.errors import Misconfigured
from serving.api.keys import Role, check_keys

__all__ = ["add_key"]

_KEY_BYTES = 24


def add_key(path: Path, name: str, roles: Collection[Role], users: Sequence[str] = ()) -> str:
    """Add a key to a file, which is made if it is not there, for its owner alone; the rest of it stays as it is.

    users: whom it is for; none: everybody. Returns the key, which stands nowhere. Raises Misconfigured if the file is
    none of keys, or has that name.
    """
    key = secrets.token_hex(_KEY_BYTES)
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error
    listed = json.dumps([role.value for role in roles])
    heading = f"[keys.{json.dumps(name, ensure_ascii=False)}]"
    made = f'{heading}\nsha256 = "{sha256(key.encode()).hexdigest()}"\nroles = {listed}\n'
    if users:
        made += f"users = {json.dumps(list(users), ensure_ascii=False)}\n"
    text = f"{before.rstrip()}\n\n{made}" if before.strip() else made
    try:
        check_keys(text)
    except Misconfigured as error:
        raise Misconfigured(
            f"{path} would be no file of keys, and stays as it was ({error}): is {name!r} new?"
        ) from None
    _replace(path, text)
    return key


def _replace(path: Path, text: str) -> None:
    """At once: an API that reads the file meanwhile has the one or the other."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(beside).chmod(mode)
        Path(beside).replace(path)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}") from error
