"""Keys that are made are those that the API takes; files that are none stay as they were."""

import stat
from pathlib import Path

import pytest

from deploy.api.key_file import add_key
from penchant.errors import Misconfigured
from serving.api.keys import Holder, KeyFile, Role
from tests.support.command import penchant


def test_a_key_is_taken_with_its_roles_and_stands_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"

    shop = add_key(path, "shop", [Role.READ, Role.INGEST])
    chief = add_key(path, 'the "chief" 我', [Role.ADMIN], ["a-*", 'u"1'])

    keys = KeyFile(path)
    assert keys.holder(shop) == Holder("shop", frozenset({Role.READ, Role.INGEST}))
    of_some = keys.holder(chief)
    assert of_some == Holder('the "chief" 我', frozenset({Role.ADMIN}), ("a-*", 'u"1'))
    assert [of_some.may_name(each) for each in ("a-", "a-7", 'u"1', "a", 'u"12', "*", "")] == [True] * 3 + [False] * 4
    assert shop not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["keys.toml"]


def test_what_else_stands_in_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "shop", [Role.READ])
    path.write_text("# ours\n" + path.read_text())
    path.chmod(0o640)

    add_key(path, "till", [Role.READ])

    assert path.read_text().startswith("# ours\n[keys.")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("before", ['[keys.shop]\nsha256 = "7"\nroles = ["read"]\n', "no toml"])
def test_a_file_that_is_none_stays_as_it_was(tmp_path: Path, before: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(before)

    with pytest.raises(Misconfigured, match="stays as it was"):
        add_key(path, "till", [Role.READ])

    assert path.read_text() == before


def test_a_name_is_given_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "shop", [Role.READ])

    with pytest.raises(Misconfigured, match="'shop' new"):
        add_key(path, "shop", [Role.ADMIN])


def test_the_command_prints_the_key_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"

    ran = penchant("api", "key", "shop", "--role", "read", "--file", str(path))
    without = penchant("api", "key", "shop", "--role", "read")

    assert (ran.exit_code, without.exit_code) == (0, 78)
    assert KeyFile(path).holder(ran.out.strip()) == Holder("shop", frozenset({Role.READ}))
