import click
from click.testing import CliRunner

from benchmarks.performance.variadic import VariadicCommand


@click.command(cls=VariadicCommand)
@click.option("--rates", type=float, multiple=True)
@click.option("--fixed", is_flag=True)
@click.option("--seconds", type=int, default=1)
def command(rates: tuple[float, ...], fixed: bool, seconds: int) -> None:
    click.echo(f"{rates} {fixed} {seconds}")


def test_values_may_stand_behind_one_name() -> None:
    given = ["--rates", "1", "2.5", "--fixed", "--rates=3", "--seconds", "4"]

    assert CliRunner().invoke(command, given).output == "(1.0, 2.5, 3.0) True 4\n"


def test_others_take_one_value() -> None:
    assert CliRunner().invoke(command, ["--seconds", "4", "5"]).exit_code == 2
