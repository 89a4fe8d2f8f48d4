"""The address of Redis: is it one, and how is it told without its password."""

import re
from urllib.parse import parse_qsl, urlsplit

_SCHEMES = {"redis", "rediss", "unix"}
_DATABASE = re.compile(r"/?|/[0-9]{1,6}")
WANTED = (
    "it is no address of a Redis: write redis://[user:password@]host:port/db, rediss://… for TLS, or unix:///path; "
    "in user and password / is %2F, # is %23, ? is %3F, @ is %40 and % is %25"
)


def check_url(url: str) -> str:
    """Return the address, or raise ValueError in words that hold nothing of it: a password may stand anywhere."""
    if not _readable(url):
        raise ValueError(WANTED)
    return url


def without_password(url: str) -> str:
    """An address as it may be shown.

    >>> without_password("rediss://ann:se:cret@redis:6379/0?password=x")
    'rediss://ann:***@redis:6379/0'
    >>> without_password("redis://redis:6379/0")
    'redis://redis:6379/0'
    """
    if not _readable(url):
        return "(no address)"
    scheme, _, rest = url.partition("?")[0].partition("://")
    secret, at, place = rest.rpartition("@")
    user = secret.partition(":")[0]
    return f"{scheme}://{user + ':***' if ':' in secret else user}{at}{place}"


def _readable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
        parse_qsl(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        return False
    if parts.scheme not in _SCHEMES or parts.fragment or "@" in parts.query:
        return False  # a hash or a question mark within the password ended what is taken for the host
    if parts.scheme == "unix":
        return bool(parts.path)
    if not _DATABASE.fullmatch(parts.path):
        # A slash within the password ended what is taken for the host. Of another word redis-py would make database 0.
        return False
    return bool(parts.hostname) and port != 0
