"""The address of Redis: is it one, what does it name, and how is it told without its password."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

_SCHEMES = {"redis", "rediss", "unix"}
_MANY = {"+sentinel": "sentinel", "+cluster": "cluster"}
_DATABASE = re.compile(r"/?|/[0-9]{1,6}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::([0-9]{1,5}))?")
_SERVICE = re.compile(r"/([\w.-]+)(/[0-9]{1,6})?/?")
_PORTS = {"sentinel": 26_379, "cluster": 6379}
_OF_SENTINELS = ("sentinel_username", "sentinel_password")
WANTED = (
    "it is no address of a Redis: write redis://[user:password@]host:port/db, rediss://… for TLS, unix:///path, "
    "redis+sentinel://[user:password@]host:port,host:port/service/db, or "
    "redis+cluster://[user:password@]host:port,host:port; "
    "in user and password / is %2F, # is %23, ? is %3F, @ is %40 and % is %25"
)


@dataclass(frozen=True, repr=False)
class Address:
    """What an address names.

    kind: "one", "sentinel" or "cluster". one: as redis-py reads it, of the first host. hosts: all of them, for the
    other kinds. service: what sentinels call the primary. of_sentinels: how sentinels are logged in to.
    """

    kind: str
    one: str
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    of_sentinels: tuple[tuple[str, str], ...] = ()


def check_url(url: str) -> str:
    """Return the address, or raise ValueError in words that hold nothing of it: a password may stand anywhere."""
    address_of(url)
    return url


def address_of(url: str) -> Address:
    """What an address names. Raises ValueError as `check_url` does."""
    scheme, mark, rest = url.partition("://")
    for end, kind in _MANY.items():
        if scheme.endswith(end):
            return _many(kind, scheme.removesuffix(end), rest)
    if not mark or not _readable(url):
        raise ValueError(WANTED)
    return Address("one", url)


def with_parameters(url: str, parameters: dict[str, str]) -> str:
    """The address with these behind its question mark, but for those that stand there already."""
    there = {name for name, _ in parse_qsl(url.partition("?")[2])}
    if not (more := urlencode({name: value for name, value in parameters.items() if name not in there})):
        return url
    return f"{url}{'&' if '?' in url else '?'}{more}"


def without_password(url: str) -> str:
    """An address as it may be shown.

    >>> without_password("rediss://ann:se:cret@redis:6379/0?password=x")
    'rediss://ann:***@redis:6379/0'
    >>> without_password("redis+sentinel://:secret@a:1,b:2/shop/0")
    'redis+sentinel://:***@a:1,b:2/shop/0'
    >>> without_password("redis://redis:6379/0")
    'redis://redis:6379/0'
    """
    try:
        address_of(url)
    except ValueError:
        return "(no address)"
    scheme, _, rest = url.partition("?")[0].partition("://")
    secret, at, place = rest.rpartition("@")
    user = secret.partition(":")[0]
    return f"{scheme}://{user + ':***' if ':' in secret else user}{at}{place}"


def _many(kind: str, scheme: str, rest: str) -> Address:
    """An address with several hosts."""
    before, mark, query = rest.partition("?")
    login, at, place = before.rpartition("@")
    hosts, slash, path = place.partition("/")
    service = _SERVICE.fullmatch(slash + path) if kind == "sentinel" else None
    if kind == "sentinel" and service is None:
        raise ValueError(WANTED)
    if kind == "cluster" and path not in {"", "0"}:
        raise ValueError(f"a cluster has database 0 alone; {WANTED}")
    found = [_HOST.fullmatch(each.strip()) for each in hosts.split(",")]
    ports = [int(each[2] or _PORTS[kind]) for each in found if each is not None]
    if None in found or not all(0 < port < 65_536 for port in ports):
        raise ValueError(WANTED)
    names = [each[1].strip("[]") for each in found if each is not None]
    try:
        parameters = parse_qsl(query, strict_parsing=bool(query))
    except ValueError:
        raise ValueError(WANTED) from None
    apart = tuple((name.removeprefix("sentinel_"), value) for name, value in parameters if name in _OF_SENTINELS)
    kept = urlencode([each for each in parameters if each[0] not in _OF_SENTINELS])
    database = (service[2] or "") if service is not None else ""
    first = f"[{names[0]}]" if ":" in names[0] else names[0]
    one = f"{scheme}://{login}{at}{first}:{ports[0]}{database}{'?' if mark and kept else ''}{kept}"
    if scheme == "unix" or not _readable(one):
        raise ValueError(WANTED)
    return Address(kind, one, tuple(zip(names, ports, strict=True)), service[1] if service is not None else "", apart)


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
