"""Files that people edit, in the ways that they are saved in."""

from pathlib import Path

import msgspec
import pytest

from penchant.errors import Misconfigured
from serving.files import toml_files as edited


class Weather(msgspec.Struct):
    city: str
    degrees: float = 0.0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_marks_of_an_encoding_are_not_of_the_text(tmp_path: Path, encoding: str, ends: str) -> None:
    path = tmp_path / "weather.toml"
    path.write_bytes(f'city = "São Paulo"{ends}degrees = 21.5{ends}'.encode(encoding))
    assert edited.parse(edited.read_text(path), Weather) == Weather("São Paulo", 21.5)


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "weather.toml"
    path.write_bytes('# first\ncity = "São Paulo"'.encode("latin-1"))
    with pytest.raises(Misconfigured, match=r"not UTF-8 \(line 2\): save it as UTF-8"):
        edited.read_text(path)


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(Misconfigured, match="more than 4,194,304 bytes"):
        edited.read_text(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("city = ", "cannot be understood"),
        ("degrees = 1", "missing required field `city`"),
        ('city = "a"\ndegrees = "warm"', "Expected `float`, got `str`"),
        ("city = " + "[" * 5000, "nested too deeply"),
        ("city = " + "9" * 5000, "cannot be understood"),
        ("city = 9999-99-99", "cannot be understood"),
        ("city = 1979-05-27T00:00:00+24:00", "cannot be understood"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        edited.parse(text, Weather)
