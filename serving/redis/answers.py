"""What Redis's answers mean, all in one table: what passes is waited for, what a person must fix is said in words.

An answer begins with a code word (`OOM command not allowed …`). redis-py makes classes of some words, and takes them
off the text; in a script's error the word stands behind the place (`ERR Error running script: @user_script:9: OOM …`);
a few answers have no word of their own, and are known by their text.
"""

import ast
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from redis import exceptions as of

from penchant.errors import Misconfigured, PenchantError, Refused, Unavailable
from penchant.kafka.tls_refusals import why

_T = TypeVar("_T")
_LONGEST_WORDS = 200  # characters of an answer that are told


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an answer says of Redis ("Redis …"), and what to do, should it stay so. `passes`: waiting may help."""

    what: str
    do: str
    passes: bool


def _passes(what: str, do: str) -> _Meaning:
    return _Meaning(what, do, passes=True)


def _stays(what: str, do: str) -> _Meaning:
    return _Meaning(what, do, passes=False)


_TOO_OLD = "version 6.2 or newer with scripts (EVALSHA) is needed, and no command of it may be renamed"
_ONE_NODE = "write redis+cluster://host:port,host:port into PENCHANT_REDIS"

MEANINGS = {
    # What passes
    "OOM": _passes("is full", "raise maxmemory, or remove what else lies there; keep maxmemory-policy noeviction"),
    "MISCONF": _passes("cannot save to its disk, and takes no writes", "make room there, and see its log"),
    "READONLY": _passes("is a replica, and takes no writes", "point PENCHANT_REDIS at the primary"),
    "LOADING": _passes("is loading its data", "wait until it is done; its log says how far it is"),
    "MASTERDOWN": _passes("is a replica that lost its primary", "point PENCHANT_REDIS at the primary"),
    "NOREPLICAS": _passes("misses replicas, and takes no writes", "bring them back, or lower min-replicas-to-write"),
    "CLUSTERDOWN": _passes("belongs to a cluster that is down", "bring its missing nodes back"),
    "TRYAGAIN": _passes("is moving keys to another node of its cluster", "wait until its slots have moved"),
    "BUSY": _passes("is busy with somebody's script", "find out whose; SCRIPT KILL ends one that has not written"),
    "UNKILLABLE": _passes("is busy with a script that has written", "wait for it, or restart Redis"),
    "MAXCLIENTS": _passes("has no connection left", "raise maxclients, or see who holds its connections"),
    "NOSCRIPT": _passes("has forgotten a script", "it is sent again"),
    "EXECABORT": _passes("dropped a transaction", "see its log"),
    "INPROG": _passes("is in the middle of a failover", "wait until it is done"),
    # What a person must fix
    "NOAUTH": _stays("wants a password", "put it into PENCHANT_REDIS: redis://:PASSWORD@host:port/db"),
    "WRONGPASS": _stays("does not take this user and password", "check those in PENCHANT_REDIS"),
    "NOPASSWORD": _stays("has no password, and was told one", "take it out of PENCHANT_REDIS, or set requirepass"),
    "NOPERM": _stays(
        "does not let this user do what is needed",
        "give it the rules of its role by ACL SETUSER (docs/running.md, Who may do what on Redis)",
    ),
    "DENIED": _stays("is in protected mode", "give it a password, or bind it to the address that is used"),
    "UNKNOWN": _stays("does not know a command that is needed", _TOO_OLD),
    "NOPROTO": _stays("does not speak the protocol", _TOO_OLD),
    "MOVED": _stays("is a node of a cluster", _ONE_NODE),
    "ASK": _stays("is a node of a cluster", _ONE_NODE),
    "CROSSSLOT": _stays("is a node of a cluster", _ONE_NODE),
    "NODB": _stays("has no database of that number", "name another in PENCHANT_REDIS: redis://host:port/0"),
    "WRONGTYPE": _stays("holds something else under a name of ours", "take another --prefix, or another --redis"),
    "ERR": _stays("refuses a command", _TOO_OLD),
}
# A word that is not in the table is taken to pass: a wait for nothing costs a minute, a stop for nothing the stream.
_UNHEARD_OF = _passes("gives an answer that Penchant does not know", "see what it means")

_BY_CLASS: tuple[tuple[type[of.RedisError], str], ...] = (
    (of.OutOfMemoryError, "OOM"),
    (of.ReadOnlyError, "READONLY"),
    (of.BusyLoadingError, "LOADING"),
    (of.MasterDownError, "MASTERDOWN"),
    (of.ClusterDownError, "CLUSTERDOWN"),
    (of.TryAgainError, "TRYAGAIN"),
    (of.NoScriptError, "NOSCRIPT"),
    (of.MovedError, "MOVED"),
    (of.AskError, "ASK"),
    (of.ClusterCrossSlotError, "CROSSSLOT"),
    (of.NoPermissionError, "NOPERM"),
    (of.AuthorizationError, "NOPERM"),
)
_BY_TEXT = tuple(
    (re.compile(pattern, re.IGNORECASE), word)
    for pattern, word in (
        (r"max number of clients", "MAXCLIENTS"),
        (r"script killed by user", "BUSY"),
        (r"redis is running in protected mode|DENIED ", "DENIED"),
        (r"unknown (redis )?(sub)?command|wrong number of arguments for (?!'auth')", "UNKNOWN"),
        (r"the user executing the script can't|no permissions", "NOPERM"),
        (r"hello must be called|authentication required", "NOAUTH"),
        (r"without any password|no password is set", "NOPASSWORD"),
        (r"invalid (username-)?password|wrong number of arguments for 'auth'", "WRONGPASS"),
        (r"db index is out of range|invalid db index", "NODB"),
        (r"select is not allowed in cluster mode", "MOVED"),
    )
)
_SILENCE = (of.ConnectionError, of.TimeoutError, of.InvalidResponse, of.RedisClusterException, OSError)
_CODE = re.compile(r"([A-Z]{3,}) ")
_PLACE = re.compile(r"^(ERR )?(Error (running|compiling) script[^:]*: )?(@?user_script: ?\d+: ?)*-?")
_DISCARDED = "Transaction discarded because of: "
_PIPELINE = " of pipeline caused error: "


async def asked(call: Callable[[], Awaitable[_T]]) -> _T:
    """Await `call`; what redis-py raises is told as `told` says. A mistake in what was asked (DataError) stays one."""
    try:
        return await call()
    except (of.RedisError, of.RedisClusterException, OSError) as error:
        if (ours := told(error)) is None:
            raise
        raise ours from error


def told(error: Exception) -> PenchantError | None:
    """An error of redis-py, or of a connection, as one of ours; its message has no key and no password in it.

    Refused: Redis answers, and cannot do it now. Unavailable: it does not answer. Misconfigured: a person must fix it.
    None: no answer and no silence, but a fault of the caller.
    """
    answered = isinstance(error, of.ResponseError | of.AuthenticationError | of.AuthorizationError)
    if (refusal := _refusal_of_tls(error)) is not None:
        return Misconfigured(f"no TLS with Redis: {why(refusal, 'PENCHANT_REDIS_')}")
    word, text = _read(error)
    if answered or word in {"LOADING", "MAXCLIENTS"}:
        meaning = MEANINGS.get(word, _UNHEARD_OF)
        return (Refused if meaning.passes else Misconfigured)(f"Redis {meaning.what} ({text}): {meaning.do}")
    if isinstance(error, _SILENCE):
        return Unavailable(f"Redis does not answer ({text})")
    return None


def _refusal_of_tls(error: BaseException) -> ssl.SSLError | None:
    """What TLS has against the other side, or the other side against us; a connection that breaks is none of it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    known = ("CERTIFICATE", "WRONG_VERSION_NUMBER", "UNKNOWN_CA")
    return cause if cause is not None and any(word in (cause.reason or "") for word in known) else None


def _read(error: Exception) -> tuple[str, str]:
    """The code word of an error, and what to tell of it."""
    text = _PLACE.sub("", _without_command(str(error) or type(error).__name__), count=1).removeprefix(_DISCARDED)
    told = _short(text)
    for kind, word in _BY_CLASS:
        if isinstance(error, kind):
            return word, told if told.startswith(word) else f"{word} {told}"
    for pattern, word in _BY_TEXT:
        if pattern.search(text):
            return word, told
    taken_off = getattr(error, "status_code", None)  # redis-py 8 keeps it
    code = _CODE.match(text)
    if code is not None and (code[1] in MEANINGS or taken_off is None):
        return code[1], told
    if isinstance(error, of.ExecAbortError):
        return "EXECABORT", told
    return taken_off or ("NOAUTH" if isinstance(error, of.AuthenticationError) else "ERR"), told


def _without_command(text: str) -> str:
    """Of an error within a pipeline the answer alone: the command before it has keys in it, which name users."""
    _, found, answer = text.rpartition(_PIPELINE)
    if not found:
        return text
    try:
        return str(ast.literal_eval(answer)[0])
    except (SyntaxError, ValueError, IndexError, TypeError):
        return answer


def _short(text: str) -> str:
    """Without what was asked: arguments and keys name users."""
    text = re.sub(r",? with args beginning with.*|,? ?script: [0-9a-f]{8,}.*", "", text, flags=re.DOTALL)
    text = re.sub(r"the '.*' key", "a key", text, flags=re.DOTALL)
    return text.splitlines()[0][:_LONGEST_WORDS].rstrip(". ") if text.strip() else "no words"
