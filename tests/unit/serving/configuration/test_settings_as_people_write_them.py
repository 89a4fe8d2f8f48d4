"""Settings as people write them: they are understood, or one sentence names the variable and what to write."""

import codecs
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.services import free_port
from penchant.errors import Misconfigured
from serving.api.settings import ApiSettings
from serving.configuration.addresses import servers
from serving.configuration.setting_errors import options_given, unknown_variables, whence
from serving.connections import Connections
from stream.settings import WorkerSettings
from tests.support.command import Ran, clean_environment, penchant


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without `.env`, and no settings in the environment."""
    for name in os.environ:
        if name.startswith("PENCHANT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("kafka:9092", "kafka:9092"),
        ("kafka:9092,", "kafka:9092"),
        (",kafka:9092,,other:9093 ,", "kafka:9092,other:9093"),
        (" kafka:9092 , other:9092 ", "kafka:9092,other:9092"),
        ("kafka:9092,kafka:9092", "kafka:9092"),
        ("PLAINTEXT://kafka:9092", "kafka:9092"),
        ("plaintext://kafka:9092,PLAINTEXT://other:9092", "kafka:9092,other:9092"),
        ("kafka://kafka:9092", "kafka:9092"),
        ("PLAINTEXT://kafka:9092/", "kafka:9092"),
        ("[::1]:9092", "[::1]:9092"),
        ("PLAINTEXT://[fe80::1%eth0]:9092", "[fe80::1%eth0]:9092"),
        ("b-1.some_host.example.com:9092", "b-1.some_host.example.com:9092"),
        ('"kafka:9092"', "kafka:9092"),
        ("'kafka:9092'", "kafka:9092"),
        ("kafka:09092", "kafka:9092"),
    ],
)
def test_brokers_are_understood(monkeypatch: pytest.MonkeyPatch, written: str, meant: str) -> None:
    monkeypatch.setenv("PENCHANT_BOOTSTRAP", written)

    assert Connections().bootstrap == meant
    assert servers(meant) == meant


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (",", "names no broker"),
        ("kafka", "no port"),
        ("kafka:", "no port"),
        ("[::1]", "no port"),
        ("::1:9092", "in brackets"),
        ("kafka:0", "1 to 65535"),
        ("kafka:65536", "1 to 65535"),
        ("kafka:９０９２", "1 to 65535"),
        ("kafka:9092a", "1 to 65535"),
        ("kafka:9092 other:9092", "with commas"),
        ("kafka:9092;other:9092", "with commas"),
        ("http://kafka:8082", "http://"),
        ("EXTERNAL://kafka:9092", "EXTERNAL://"),
        ("me:geheim@kafka:9092", "password"),
        ("PLAINTEXT://me:geheim@kafka:9092", "password"),
        ("kafka:9092/topic", "no address|1 to 65535"),
        ("ka\x1b[31mfka:9092", "cannot be seen"),
        ("kafka\u200b:9092", "cannot be seen"),
        ("\udcff:9092", "not UTF-8"),
    ],
)
def test_what_is_no_broker_is_said(monkeypatch: pytest.MonkeyPatch, written: str, words: str) -> None:
    monkeypatch.setenv("PENCHANT_BOOTSTRAP", written)

    with pytest.raises(Misconfigured, match=words) as raised:
        Connections()
    said = str(raised.value)
    assert "PENCHANT_BOOTSTRAP" in said
    assert "geheim" not in said
    assert said.isprintable()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (" REDIS://h:6379 ", "redis://h:6379"),
        ("'rediss://u:p%2Fw@h:6379/1?ssl_cert_reqs=none'", "rediss://u:p%2Fw@h:6379/1?ssl_cert_reqs=none"),
    ],
)
def test_a_store_is_understood(written: str, meant: str) -> None:
    assert Connections(redis=written).redis == meant


@pytest.mark.parametrize(
    "written",
    ["localhost:6379", "me:geheim@localhost:6379", "http://me:geheim@h:6379", "redis://me:geheim@h:6379/films"],
)
def test_what_is_no_store_is_said_without_its_password(written: str) -> None:
    with pytest.raises(Misconfigured, match="PENCHANT_REDIS: it is no address of a Redis") as raised:
        Connections(redis=written)
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "written", "words"),
    [
        ("K", "0", "it is '0': it must be at least 1"),
        ("K", "twenty", "'twenty': write a whole number"),
        ("K", "", "empty"),
        ("K", "20.5", "whole number"),
        ("BATCH_WAIT_MS", "5ms", "number of milliseconds, without a unit"),
        ("SESSION_TIMEOUT_S", "10 s", "number of seconds, without a unit"),
        ("SESSION_TIMEOUT_S", "inf", "a finite number"),
        ("HALF_LIFE_DAYS", "30d", "number of days, without a unit"),
        ("HALF_LIFE_DAYS", "nan", "finite number"),
        ("FATIGUE_HOURS", "48h", "number of hours, without a unit"),
        ("PROVIDER", "gpu", "'auto', 'cpu' or 'cuda'"),
        ("CLICKS_ARE_SEEN", "perhaps", "true or false"),
        ("PREFIX", "no spaces", "prefix 'no spaces'"),
        ("PREFIX", "a/b", "prefix 'a/b'"),
        ("PREFIX", "", "empty"),
        ("STORE_PREFIX", "a b", "A-Z a-z 0-9"),
        ("HEALTH_PORT", "99999", "at most 65535"),
        ("K", "\x1b[31m", "cannot be seen"),
        ("REDIS", "redis://\udcff:6379/0", "not UTF-8"),
        ("HEALTH_HOST", "\udcff", "not UTF-8"),
        ("PREFIX", "\udcff", "not UTF-8"),
    ],
)
def test_a_wrong_value_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, written: str, words: str) -> None:
    monkeypatch.setenv(f"PENCHANT_{name}", written)

    with pytest.raises(Misconfigured, match=words) as raised:
        WorkerSettings()
    said = str(raised.value)
    assert f"PENCHANT_{name}" in said
    assert said.isprintable(), "one line, and nothing that a terminal obeys"


class TestSecretFiles:
    """PENCHANT_X_FILE names a file that holds X; what stands in it is in no message."""

    SECRET = "redis://:geheim-77@h:6379/0"

    def test_read(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "url").write_text(f"{self.SECRET}\n")
        (folder / "key").write_bytes(b"'quotes are of it'\r\n")
        monkeypatch.setenv("PENCHANT_REDIS_FILE", str(folder / "url"))
        monkeypatch.setenv("PENCHANT_ERASURE_SECRET_FILE", "key")

        settings = WorkerSettings()

        assert settings.redis == self.SECRET
        assert settings.retention().erasure_secret == b"'quotes are of it'"
        assert "geheim" not in repr(settings)
        assert "quotes" not in repr(settings)

    @pytest.mark.parametrize("content", ["", "\n", "x" * 70_000, "\0", "http://:geheim-77@h:6379/"])
    def test_no_secret(self, folder: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
        (folder / "url").write_text(content)
        monkeypatch.setenv("PENCHANT_REDIS_FILE", "url")

        with pytest.raises(Misconfigured, match="PENCHANT_REDIS") as raised:
            Connections()
        assert "geheim" not in str(raised.value)
        assert str(raised.value).isprintable()

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path), lambda path: None])
    def test_no_file(self, folder: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]) -> None:
        make(folder / "url")
        monkeypatch.setenv("PENCHANT_REDIS_FILE", "url")

        with pytest.raises(Misconfigured, match="PENCHANT_REDIS_FILE: url "):
            Connections()

    def test_what_stands_higher_is_meant(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "url").write_text(self.SECRET)
        (folder / ".env").write_text("PENCHANT_REDIS=redis://in-the-file:1\n")
        monkeypatch.setenv("PENCHANT_REDIS_FILE", "url")
        assert Connections().redis == self.SECRET

        before = options_given.set(frozenset({"redis"}))
        try:
            assert Connections(redis="redis://option:1").redis == "redis://option:1"
        finally:
            options_given.reset(before)

        monkeypatch.setenv("PENCHANT_REDIS", "redis://environment:1")
        with pytest.raises(Misconfigured, match="PENCHANT_REDIS and PENCHANT_REDIS_FILE are both set: keep one"):
            Connections()


def test_a_secret_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_ERASURE_SECRET", "too-short")

    with pytest.raises(Misconfigured, match="fewer than 16 characters") as raised:
        WorkerSettings()
    assert "too-short" not in str(raised.value)


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_API_PORT", "many")
    monkeypatch.setenv("PENCHANT_BOOTSTRAP", "kafka")

    with pytest.raises(Misconfigured, match=r"PENCHANT_BOOTSTRAP.*PENCHANT_API_PORT"):
        ApiSettings()


@pytest.mark.parametrize(
    "content",
    [
        "PENCHANT_BOOTSTRAP=kafka:9092\nNAME=é\n".encode("utf-8-sig"),
        "PENCHANT_BOOTSTRAP=kafka:9092\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "PENCHANT_BOOTSTRAP=kafka:9092\r\n".encode("utf-16-be"),
        "PENCHANT_BOOTSTRAP=kafka:9092\n".encode("utf-16-le"),
        b"# mine\r\nexport PENCHANT_BOOTSTRAP='PLAINTEXT://kafka:9092,'\r\n",
    ],
)
def test_a_file_of_settings_in_any_unicode(folder: Path, content: bytes) -> None:
    (folder / ".env").write_bytes(content)

    assert Connections().bootstrap == "kafka:9092"
    assert whence("bootstrap") == "from PENCHANT_BOOTSTRAP in .env"


@pytest.mark.parametrize(
    "content", ["PENCHANT_PREFIX=a\nNAME=é\n".encode("latin-1"), "NAME=星\n".encode("gbk"), b"A=\xff\xfe\xfd\n"]
)
def test_a_file_of_settings_in_another_encoding_is_named(folder: Path, content: bytes) -> None:
    (folder / ".env").write_bytes(content)

    with pytest.raises(Misconfigured, match=r"\.env is not UTF-8 \(byte 0x.. in line \d\): save it as UTF-8"):
        WorkerSettings()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path), lambda path: None])
def test_what_is_called_env_and_is_no_file_is_none_of_ours(folder: Path, make: Callable[[Path], object]) -> None:
    make(folder / ".env")

    assert list(unknown_variables({})) == []
    assert Connections().bootstrap == "127.0.0.1:9092"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_settings_that_may_not_be_read(folder: Path) -> None:
    (folder / ".env").write_text("PENCHANT_PREFIX=a\n")
    (folder / ".env").chmod(0)

    with pytest.raises(Misconfigured, match=r"cannot read \.env"):
        Connections()


def test_a_file_of_settings_that_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("PENCHANT_PREFIX=a\n")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(Misconfigured, match=r"cannot read \.env.*Permission denied"):
        Connections()


def test_the_place_of_a_wrong_value_is_named(folder: Path) -> None:
    (folder / ".env").write_text("PENCHANT_K=many\n")
    with pytest.raises(Misconfigured, match=r"PENCHANT_K \(in \.env\)"):
        WorkerSettings()

    token = options_given.set(frozenset({"bootstrap"}))
    try:
        with pytest.raises(Misconfigured, match=r"PENCHANT_BOOTSTRAP \(the option --bootstrap\)"):
            Connections(bootstrap="kafka")
    finally:
        options_given.reset(token)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PENCHANT_LIST_VARIETI", "PENCHANT_LIST_VARIETY"),
        ("PENCHANT_BOOTSTRAPS", "PENCHANT_BOOTSTRAP"),
        ("penchant_modell", "PENCHANT_MODEL"),
    ],
)
def test_a_variable_that_nothing_reads_is_named_with_its_neighbour(folder: Path, name: str, meant: str) -> None:
    (warning,) = unknown_variables({name: "x", "PENCHANT_K": "5", "HOME": "/"})
    assert f"{name} in the environment" in warning
    assert f"is {meant} meant?" in warning

    (folder / ".env").write_text(f"{name}=x\nOTHER=y\n")
    (warning,) = unknown_variables({})
    assert f"{name} in .env" in warning


def test_a_line_that_sets_nothing_is_said_once(folder: Path) -> None:
    (folder / ".env").write_text("# ours\n\njust text\nPENCHANT_BOOTSTRAP=127.0.0.1:1\nPENCHANT_PREFIX='unclosed\n")

    ran = penchant("dlq", "ls")

    assert ran.err.count("line 3 of .env is no NAME=VALUE") == 1
    assert ran.err.count("line 5 of .env") == 1
    assert ran.err.count("\n") == 3


ONE_LINE = re.compile(r"penchant[a-z ]*: [^\n]+\n")


@pytest.mark.parametrize("command", ["topics create", "dlq ls", "watch u1", "doctor", "produce -", "statistics show",
                                     "erase u1", "explain u1", "replay --verify", "topics adopt", "local", "worker",
                                     "api"])  # fmt: skip
def test_every_command_says_it_in_one_line(command: str, folder: Path) -> None:
    (folder / ".env").write_text("PENCHANT_BOOTSTRAP=http://kafka:8082\n")

    ran = penchant(*command.split())

    assert ran.exit_code == 78, ran.err
    assert ONE_LINE.fullmatch(ran.err), ran.err
    assert "PENCHANT_BOOTSTRAP (in .env)" in ran.err


def worker(**variables: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "stream"], capture_output=True, text=True, check=False, timeout=120,
        env=clean_environment(**variables),
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_worker_says_it_in_one_line(folder: Path) -> None:
    for name, value in (("K", "0"), ("LOG_LEVEL", "loud"), ("BOOTSTRAP", "kafka")):
        ran = worker(**{f"PENCHANT_{name}": value})

        assert ran.exit_code == 78
        assert ONE_LINE.fullmatch(ran.err), ran.err
        assert f"PENCHANT_{name}" in ran.err


def test_where_a_stale_address_comes_from(folder: Path) -> None:
    stale = f"127.0.0.1:{free_port()}"

    by_variable = penchant("dlq", "ls", environment={"PENCHANT_BOOTSTRAP": f"PLAINTEXT://{stale},"})
    by_option = penchant("dlq", "ls", "--bootstrap", stale)
    (folder / ".env").write_text(f"PENCHANT_BOOTSTRAP={stale}\n")
    by_file = penchant("dlq", "ls")

    assert f"at {stale} (from PENCHANT_BOOTSTRAP in the environment) cannot be reached" in by_variable.err
    assert f"at {stale} (from the option --bootstrap)" in by_option.err
    assert f"at {stale} (from PENCHANT_BOOTSTRAP in .env)" in by_file.err


def test_a_variable_that_nothing_reads_is_said_once() -> None:
    variables = {"PENCHANT_LIST_VARIETI": ".2", "PENCHANT_BOOTSTRAP": f"127.0.0.1:{free_port()}"}

    assert penchant("dlq", "ls", environment=variables).err.count("PENCHANT_LIST_VARIETI") == 1
    assert worker(**variables).err.count("PENCHANT_LIST_VARIETI") == 1
    assert penchant("worker", environment=variables).err.count("PENCHANT_LIST_VARIETI") == 1
