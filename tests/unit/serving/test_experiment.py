"""Experiments: who gets which variant, which files are refused, and what the lists say."""

from collections import Counter
from pathlib import Path

import pytest

from penchant.errors import Misconfigured
from serving.experiment import Experiment, parse, read, tunable
from serving.ranking.rank_settings import RankSettings
from tests.support.experiments import halves

HALVES = halves("variety = 0.2, statement_damping = 0")
USERS = [f"user-{n}" for n in range(20_000)]


def shares(experiment: Experiment) -> dict[str, float]:
    counts = Counter(experiment.of(user).name for user in USERS)
    return {name: count / len(USERS) for name, count in counts.items()}


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "e.toml"
    file.write_text(HALVES)
    experiment = read(file)
    assert experiment.name == "halves"
    usual = RankSettings(language="zh", long=0.7)
    a, b = (variant.ranking(usual) for variant in experiment.variant)
    assert a == usual
    assert (b.variety, b.statement_damping, b.long, b.language) == (0.2, 0.0, 0.7, "zh")


def test_the_assignment_stands_for_ever() -> None:
    """These are the variants of ten users, in every process and version: a change would deal everybody anew."""
    halves = parse(HALVES)
    assert "".join(halves.of(f"user-{n}").name for n in range(10)) == "babaabaaab"


def test_users_fall_to_variants_by_their_shares() -> None:
    thirds = parse(HALVES.replace("share = 0.5", "share = 0.8", 1).replace("share = 0.5", "share = 0.2"))
    assert shares(parse(HALVES))["a"] == pytest.approx(0.5, abs=0.015)
    assert shares(thirds)["a"] == pytest.approx(0.8, abs=0.015)


def test_another_name_deals_users_anew() -> None:
    one, other = parse(HALVES), parse(HALVES.replace("halves", "other"))
    same = sum(one.of(user).name == other.of(user).name for user in USERS) / len(USERS)
    assert same == pytest.approx(0.5, abs=0.015)


def test_a_larger_share_keeps_those_who_have_the_variant() -> None:
    half, more = parse(HALVES), parse(HALVES.replace("share = 0.5", "share = 0.6", 1).replace("0.5", "0.4"))
    had = [user for user in USERS if half.of(user).name == "a"]
    assert all(more.of(user).name == "a" for user in had)


def test_one_variant_is_for_everybody() -> None:
    only = parse('name = "e"\n[[variant]]\nname = "all"\nshare = 1\nsettings = { long = 0.3 }')
    assert shares(only) == {"all": 1.0}


def test_every_number_of_the_ranking_may_be_set() -> None:
    assert {"long", "ring_decay", "variety"} <= tunable()
    assert "language" not in tunable()


@pytest.mark.parametrize(
    ("was", "is_now", "says"),
    [
        ("[[variant]]", "[variant", "cannot be understood"),
        ('name = "halves"', "", "missing required field `name`"),
        ('name = "halves"', 'name = "two words"', "'two words' is no name"),
        ('name = "b"', 'name = "a"', "two variants have one name"),
        ("share = 0.5", "share = 0.6", "the shares add up to 1.2"),
        ("share = 0.5", "share = -0.5", "`share` is -0.5"),
        ("share = 0.5", 'share = "half"', "Expected `float`, got `str`"),
        ("variety = 0.2", "varity = 0.2", "there is no setting `varity`; there are "),
        ("variety = 0.2", "variety = 2", "`variety` is 2.0, it must lie between 0 and 1"),
        ("variety = 0.2", "explore = 0.5", "`explore` is 0.5, it must lie between 0 and 0.25"),
        ("variety = 0.2", "long = nan", "`long` is nan, it must lie between 0 and 1000"),
        ("variety = 0.2", "long = -1", "`long` is -1.0"),
        ("settings", "setting", "unknown field `setting`"),
    ],
)
def test_a_bad_file_is_refused_and_says_why(was: str, is_now: str, says: str) -> None:
    with pytest.raises(Misconfigured, match="^.*" + says.replace("[", r"\[").replace("$", r"\$")):
        parse(HALVES.replace(was, is_now))


def test_a_file_without_variants_is_refused() -> None:
    with pytest.raises(Misconfigured, match="it has no variant"):
        parse('name = "e"\nvariant = []')


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"the experiment file .*e\.toml cannot be read"):
        read(tmp_path / "e.toml")
