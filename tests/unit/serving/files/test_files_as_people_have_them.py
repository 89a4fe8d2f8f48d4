"""Whatever a file of messages went through before it came to us: it is read, or one sentence says what it is."""

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from deploy.events.jsonl import JsonLines
from evaluation.prequential.set_lines import lines_of
from penchant.errors import BadFile, Misconfigured
from serving.files.message_splitter import MAX_BYTES, BadLine, Pieces
from serving.files.text_files import PeekedStream, text_of

ONE = '{"item_id": "影1", "title": "星际穿越"}'
TWO = '{"item_id": "i2", "title": "Alien"}'
THREE = '{"item_id": "i3", "title": "naïve – “ü”"}'
TEXT = f"{ONE}\n{TWO}\n{THREE}\n"
READ = [(1, ONE.encode()), (2, TWO.encode()), (3, THREE.encode())]


def read(path: Path) -> list[tuple[int, bytes] | BadLine]:
    with JsonLines(str(path)) as lines:
        return list(lines)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("utf-32-le"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\r\n").encode("utf-16"),
        TEXT.rstrip("\n").encode(),
        TEXT.encode() + bytes(70_000),
        TEXT.encode().rstrip(b"\n") + bytes(20 << 20),
        TEXT.replace("\n", "  \t\n").encode(),
        b"".join(line.encode("utf-8-sig") + b"\n" for line in (ONE, TWO, THREE)),
    ],
    ids=[
        "utf-8 with its mark", "utf-16", "utf-16 big end first", "utf-16 unmarked", "utf-16 big unmarked", "utf-32",
        "utf-32 unmarked", "crlf", "cr", "utf-16 crlf", "no line end at the end", "filled with zeros",
        "zeros after the last line", "blanks at line ends", "put together from marked files",
    ],
)  # fmt: skip
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.GZ", "items.Gz", "items.jsonl.gz"])
def test_it_is_read_whatever_its_name(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes], content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(pack(content))

    assert read(path) == READ


def test_members_put_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "items.gz"
    path.write_bytes(b"".join(gzip.compress(f"{line}\n".encode()) for line in (ONE, TWO, THREE)))

    assert read(path) == READ


@pytest.mark.parametrize(
    "text",
    [
        f"[{ONE},{TWO},{THREE}]",
        f"[\n  {ONE},\n  {TWO},\n  {THREE}\n]\n",
        f"  \n[{ONE} ,\r\n{TWO}\t, {THREE}]  \n\n",
        f"[{ONE}]\n[{TWO},{THREE}]\n",
        f"\ufeff[{ONE},{TWO},{THREE}]",
    ],
)
def test_an_array_is_read_element_by_element(tmp_path: Path, text: str) -> None:
    path = tmp_path / "items.json"
    path.write_text(text, encoding="utf-8")

    with JsonLines(str(path)) as lines:
        assert list(lines) == READ
        assert lines.unit == "element"


def test_an_array_printed_for_people(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.write_text(json.dumps([json.loads(line) for line in (ONE, TWO, THREE)], indent=2), encoding="utf-8")

    found = [json.loads(one[1]) for one in read(path) if isinstance(one, tuple)]

    assert found == [json.loads(line) for line in (ONE, TWO, THREE)]
    assert [line.fields for line in lines_of(path)] == found


def test_an_array_is_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    element = json.dumps({"item_id": "i", "text": "x" * 1000}).encode()
    path.write_bytes(b"[" + b",".join([element] * 60_000) + b"]")

    tracemalloc.start()
    with JsonLines(str(path)) as lines:
        count = sum(1 for _ in lines)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 60_000
    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"[{ONE},{TWO}", "not closed"),
        (f"[{ONE} {TWO}]", "expected"),
        (f"[{ONE},{{]", "element 2 is no JSON"),
        (f"[{ONE}] and more", "expected"),
        ("[1, 2", "element 2 is no JSON"),
    ],
)
def test_an_array_that_is_none_says_where(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "items.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(BadFile, match=words):
        read(path)


def parquet(path: Path) -> None:
    path.write_bytes(b"PAR1\x15\x04\x15\x10\x15\x14L\x15\x02\x15\x00\x12\x00\x00" + bytes(range(64)))


def sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table items (item_id text)")
        database.commit()


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("items.jsonl", TEXT)


def tarred(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("items.jsonl")
        info.size = len(TEXT.encode())
        archive.addfile(info, io.BytesIO(TEXT.encode()))


def of(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (of(b"\x28\xb5\x2f\xfd\x04\x00\x99\x00\x00{}"), "zstd"),
        (of(bz2.compress(TEXT.encode())), "bzip2"),
        (of(lzma.compress(TEXT.encode())), "xz"),
        (of(gzip.compress(gzip.compress(TEXT.encode()))), "packed twice"),
        (zipped, "zip archive"),
        (tarred, "tar archive"),
        (parquet, "Parquet"),
        (sqlite, "SQLite"),
        (of(b"Obj\x01\x04\x14avro.codec"), "Avro"),
        (of(bytes(range(1, 32)) * 9), "no text"),
        (of(b"item_id,title\ni1,Alien\ni2,Alien 3\n"), "looks like CSV"),
        (of(b"item_id\ttitle\ni1\tAlien\n"), "looks like TSV"),
        (of(b'"item_id";"title"\n"i1";"Alien"\n'), "looks like CSV with semicolons"),
        (of("item_id,title\ni1,Alien\n".encode("utf-16")), "looks like CSV"),
        (of(gzip.compress(b"item_id,title\ni1,Alien\n")), "looks like CSV"),
        (of(b"item_id,title\n"), "looks like CSV"),
        (of(b'{\n  "item_id": "i1",\n  "title": "Alien"\n}\n{\n'), "JSON over several lines"),
        (of(b'{"item_id": "i1",\n "title": "Alien"}\n'), "JSON over several lines"),
        (of(b"<?xml version='1.0'?>\n<items/>\n"), "XML"),
        (of(b"{'item_id': 'i1'}\n{'item_id': 'i2'}\n"), "Python"),
        (of(b"---\n- item_id: i1\n"), "YAML"),
    ],
)
def test_what_is_not_read_is_named_once(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    path = tmp_path / "items.jsonl"
    make(path)

    with pytest.raises(BadFile, match=words) as raised:
        read(path)
    assert raised.value.exit_code == 65
    assert "\n" not in str(raised.value)
    with pytest.raises(BadFile, match=words):
        list(lines_of(path))


def test_one_bad_line_is_not_a_bad_file(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text(f"{{broken\n{ONE}\nno, not this\n{TWO}\n", encoding="utf-8")

    assert [one[0] for one in read(path) if isinstance(one, tuple)] == [1, 2, 3, 4]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", bytes(3_000_000)])
def test_nothing_in_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes(content)

    assert read(path) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"cannot read .*directory"), JsonLines(str(tmp_path)):
        pass


def test_a_name_that_cannot_be_one() -> None:
    with pytest.raises(Misconfigured, match="cannot read"), JsonLines("a\0b"):
        pass


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_line_that_is_too_long_is_left_out(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "items.jsonl"
    long = b'{"item_id": "' + b"x" * MAX_BYTES + b'"}'
    path.write_bytes(pack(b"\n".join([ONE.encode(), long, TWO.encode()])))

    first, second, third = read(path)

    assert (first, third) == ((1, ONE.encode()), (3, TWO.encode()))
    assert second == BadLine(2, "it is longer than 8 MiB")


@pytest.mark.parametrize("start", [b"", b"[", b'{"item_id": "'], ids=["line", "array", "object"])
def test_a_bomb_takes_no_memory(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=9) as packed:
        packed.write(start)
        for _ in range(300):
            packed.write(b"a" * (1 << 20))
    assert path.stat().st_size < 1 << 20

    tracemalloc.start()
    try:
        found = read(path)
    except BadFile as error:
        found = [BadLine(1, str(error))]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [type(one) for one in found] == [BadLine]
    assert peak < 64 << 20


def test_a_line_without_an_end_ends_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.files.message_splitter._ENDLESS", 32 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"a" * (40 << 20)))

    with pytest.raises(BadFile, match="a line of more than 32 MiB"):
        read(path)


class Pipe:
    """What was written to a pipe so far; whoever asks for more would have to wait."""

    def __init__(self, *written: str) -> None:
        self.written = [each.encode() for each in written]

    def read1(self, _: int, /) -> bytes:
        assert self.written, "it waits although a whole line is there"
        return self.written.pop(0)


def test_lines_come_as_they_are_written() -> None:
    """Of a pipe that stays open: nothing waits for a buffer to be full."""
    pipe = Pipe(ONE[:5], ONE[5:], "\n")
    lines = iter(Pieces("standard input", text_of("standard input", PeekedStream(pipe))))

    assert next(lines) == READ[0]
    pipe.written.append(f"{TWO}\n".encode())
    assert next(lines) == READ[1]


def test_standard_input_is_told_by_its_bytes_too() -> None:
    script = "from deploy.events.jsonl import JsonLines\nwith JsonLines('-') as lines: print(len(list(lines)))"
    done = subprocess.run(
        [sys.executable, "-c", script], input=gzip.compress(TEXT.encode("utf-16")), capture_output=True, check=True
    )

    assert done.stdout == b"3\n"
