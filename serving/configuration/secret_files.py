"""Secrets from files, as Docker, Kubernetes and systemd hand them out: x_file names one that holds setting x."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from penchant.errors import Misconfigured
from serving.configuration.setting_errors import PREFIX, standing

__all__ = ["with_files_read"]

_FILE = "_file"
_MOST_BYTES = 65_536


def with_files_read(given: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """The values given, and for each field that has one named x_file beside it, x as it stands in that file.

    The two may stand at different places: an option is above the environment, which is above `.env`. Raises
    Misconfigured, which never quotes a file, if both stand at one place, and if a file cannot be read.
    """
    names = set(fields)
    read = dict(given)
    for file in sorted(name for name in names if name.endswith(_FILE) and name.removesuffix(_FILE) in names):
        secret = file.removesuffix(_FILE)
        if given.get(file) is None or _given_above(secret, file, given):
            continue
        read[secret] = SecretStr(_content(Path(str(given[file]).strip()), f"{PREFIX}{file.upper()}"))
    return read


def _given_above(secret: str, file: str, given: dict[str, Any]) -> bool:
    if given.get(secret) is None or standing(secret) < standing(file):
        return False
    if standing(secret) == standing(file):
        variable = f"{PREFIX}{secret.upper()}"
        raise Misconfigured(f"{variable} and {variable}_FILE are both set: keep one")
    return True


def _content(file: Path, variable: str) -> str:
    """What stands there, without the line end at its end."""
    try:
        if not file.is_file():  # a pipe would be waited for
            raise Misconfigured(f"{variable}: {file} is no file that there is")
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise Misconfigured(f"{variable}: {file} is too large for a secret")
        text = content.decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Misconfigured(f"{variable}: {file} cannot be read ({why})") from None
    if not text.strip():
        raise Misconfigured(f"{variable}: {file} is empty")
    return text
