"""Redis's answers by their code word: what is waited for, what stops the worker, and what is told of it."""

import pytest
from redis import exceptions as of
from redis._parsers.base import BaseParser

from penchant.errors import Misconfigured, PenchantError, Refused, Unavailable
from serving.redis.answers import MEANINGS, told

FULL = "OOM command not allowed when used memory > 'maxmemory'."
PASSING = {
    "OOM": FULL,
    "OOM in a script of Redis 6": f"ERR Error running script (call to f_a1b2): @user_script:58: -{FULL}",
    "OOM in a script, without the dash": f"ERR Error running script (call to f_a1b2): @user_script: 58: {FULL}",
    "OOM in a script of Redis 7": f"{FULL} script: a1b2c3d4e5f6, on @user_script:58.",
    "OOM in a transaction of Redis 7": f"EXECABORT Transaction discarded because of: {FULL}",
    "MISCONF": "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.",
    "MISCONF in a script": "ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -MISCONF Errors "
    "writing to the AOF file: No space left on device",
    "READONLY": "READONLY You can't write against a read only replica.",
    "READONLY in a script": "ERR Error running script (call to f_a1): @user_script:58: @user_script: 58: -READONLY "
    "You can't write against a read only replica.",
    "LOADING": "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN": "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "NOREPLICAS": "NOREPLICAS Not enough good replicas to write.",
    "CLUSTERDOWN": "CLUSTERDOWN The cluster is down",
    "TRYAGAIN": "TRYAGAIN Multiple keys request during rehashing of slot",
    "BUSY": "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "UNKILLABLE": "UNKILLABLE Sorry the script already executed write commands against the dataset.",
    "a killed script": "ERR Error running script (call to f_6): @user_script:1: Script killed by user with SCRIPT KILL",
    "maxclients": "ERR max number of clients reached",
    "an unknown word": "NEWWORD the moon is in the wrong place",
}
STAYING = {
    "NOAUTH": ("NOAUTH Authentication required.", "wants a password"),
    "NOAUTH of HELLO": ("NOAUTH HELLO must be called with the client already authenticated", "wants a password"),
    "WRONGPASS": ("WRONGPASS invalid username-password pair or user is disabled.", "user and password"),
    "WRONGPASS, old": ("ERR invalid password", "user and password"),
    "a password too many": (
        (
            "ERR AUTH <password> called without any password configured for the default user. Are you sure "
            "your configuration is correct?"
        ),
        "has no password",
    ),
    "NOPERM": ("NOPERM this user has no permissions to run the 'eval' command or its subcommand", "ACL SETUSER"),
    "NOPERM in a script": (
        (
            "ERR Error running script (call to f_0): @user_script:1: @user_script: 1: The user executing the script "
            "can't run this command or subcommand"
        ),
        "ACL SETUSER",
    ),
    "DENIED": ("DENIED Redis is running in protected mode because protected mode is enabled", "protected mode"),
    "too old": ("ERR unknown command `EVALSHA`, with args beginning with: `{penchant:1}:u:alice`, ", "6.2 or newer"),
    "too old for a script": (
        (
            "ERR Error running script (call to f_7): @user_script:1: @user_script: 1: Unknown Redis command called "
            "from Lua script"
        ),
        "6.2 or newer",
    ),
    "MOVED": ("MOVED 3999 127.0.0.1:6381", "cluster"),
    "ASK": ("ASK 3999 127.0.0.1:6381", "cluster"),
    "CROSSSLOT": ("CROSSSLOT Keys in request don't hash to the same slot", "cluster"),
    "no such database": ("ERR DB index is out of range", "no database"),
    "WRONGTYPE": ("WRONGTYPE Operation against a key holding the wrong kind of value", "--prefix"),
    "a wrong command": ("ERR syntax error", "6.2 or newer"),
}


def parsed(answer: str) -> Exception:
    """As redis-py makes an exception of an answer."""
    error: object = BaseParser.parse_error(answer)  # type: ignore[no-untyped-call]
    assert isinstance(error, of.RedisError)
    return error


def read(error: Exception) -> PenchantError:
    found = told(error)
    assert found is not None
    return found


@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_waited_for(answer: str) -> None:
    error = read(parsed(answer))
    assert type(error) is Refused
    assert error.exit_code == 75
    assert "6.2" not in str(error)


@pytest.mark.parametrize(("answer", "words"), STAYING.values(), ids=STAYING.keys())
def test_what_a_person_must_repair_is_said(answer: str, words: str) -> None:
    error = read(parsed(answer))
    assert type(error) is Misconfigured
    assert words in str(error)
    assert "alice" not in str(error)


KNOWN_BY_TEXT = {"MAXCLIENTS", "NOPASSWORD", "UNKNOWN", "NODB"}  # Redis says ERR to all of these


@pytest.mark.parametrize("word", sorted(MEANINGS.keys() - KNOWN_BY_TEXT))
def test_every_word_of_the_table_is_found_in_a_plain_answer_and_in_scripts(word: str) -> None:
    text = "1 127.0.0.1:1" if word in {"MOVED", "ASK"} else "some words"
    wanted = Refused if MEANINGS[word].passes else Misconfigured
    answers = [f"{word} {text}", f"ERR Error running script (call to f_1): @user_script:9: -{word} {text}"]
    for answer in answers:
        error = read(parsed(answer))
        assert type(error) is wanted
        assert MEANINGS[word].what in str(error)
        assert MEANINGS[word].do in str(error)


@pytest.mark.parametrize(
    "error",
    [
        of.ConnectionError("Error 111 connecting to 127.0.0.1:1."),
        of.TimeoutError("Timeout reading from 127.0.0.1:1"),
        of.InvalidResponse("Protocol Error: b'HTTP/1.1'"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(),
    ],
)
def test_silence_is_no_answer(error: Exception) -> None:
    found = read(error)
    assert type(found) is Unavailable
    assert "does not answer (" in str(found)
    assert "()" not in str(found)


def test_a_mistake_of_ours_is_not_redis_to_answer_for() -> None:
    assert told(of.DataError("Invalid input of type: 'dict'")) is None


def test_users_that_a_command_names_are_not_told() -> None:
    """redis-py puts the command of a pipeline into the error, and Redis 7 the key that a user may not use."""
    error = parsed(FULL)
    error.args = (f"Command # 1 (SET {{p:0}}:u:alice x) of pipeline caused error: {error.args!r}",)
    assert str(read(error)).startswith("Redis is full (OOM command not allowed when used memory > 'maxmemory')")
    refused = read(parsed("NOPERM No permissions to access the '{p:0}:u:alice' key"))
    assert "NOPERM No permissions to access a key" in str(refused)
