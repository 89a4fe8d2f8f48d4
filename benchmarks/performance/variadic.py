"""Options that take several values: `--sweep 50 100 200`."""

from collections.abc import Collection, Iterator, Sequence

import click


class VariadicCommand(click.Command):
    """Its options with `multiple` may have all their values behind one name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        names = {name for each in self.params if getattr(each, "multiple", False) for name in each.opts}
        return super().parse_args(ctx, list(spread(args, names)))


def spread(arguments: Sequence[str], names: Collection[str]) -> Iterator[str]:
    """Put the name before each of its values.

    >>> list(spread(["--sweep", "50", "100", "--fixed", "1"], {"--sweep"}))
    ['--sweep', '50', '--sweep', '100', '--fixed', '1']
    """
    name: str | None = None
    for argument in arguments:
        if argument.startswith("-"):
            name = argument if argument in names else None
        if argument == name:
            continue
        yield from ([argument] if name is None else [name, argument])
