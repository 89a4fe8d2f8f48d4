"""`penchant api`: the API process."""

import os
import sys
from pathlib import Path

import click

from deploy.options import connection_options, examples, json_option, need
from penchant.errors import Misconfigured
from serving.terminal.printing import print_json, say


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "penchant api --port 8080 --bootstrap kafka:9092 --redis redis://redis:6379/0",
        "penchant api key shop --role read --role ingest --file keys.toml",
    ),
)
@click.option("--host", help="The address to listen on. [env: PENCHANT_API_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on. [env: PENCHANT_API_PORT; default: 8080]")
@click.pass_context
@connection_options
def api(context: click.Context, host: str | None, port: int | None) -> None:
    """Run the API: lists over HTTP, health and metrics (docs/http.md). SIGTERM stops it."""
    if context.invoked_subcommand is not None:
        return
    need("api", "aiohttp", "aiokafka", "redis", "prometheus_client")
    if host is not None:
        os.environ["PENCHANT_API_HOST"] = host
    if port is not None:
        os.environ["PENCHANT_API_PORT"] = str(port)
    from deploy.api.api_process import main

    sys.exit(main())


@api.command(epilog=examples("penchant api key shop --role read --role ingest --file keys.toml"))
@click.argument("name")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(["read", "ingest", "admin"]), help="May repeat."
)
@click.option(
    "--user", "users", multiple=True, help="Whom it is for: an id, or how ids begin (shop-a-*). May repeat. [all]"
)
@click.option(
    "--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="The file. [env: PENCHANT_API_KEYS]"
)
@json_option
@connection_options
def key(name: str, roles: tuple[str, ...], users: tuple[str, ...], path: Path | None, as_json: bool) -> None:
    """Make a key called NAME, add its hash to the file of keys, and print it, once: it stands nowhere else.

    A running API has it within a second. To take one away, delete its lines.
    """
    from deploy.api.key_file import add_key
    from serving.api.keys import Role

    given = path or (Path(os.environ["PENCHANT_API_KEYS"]) if os.environ.get("PENCHANT_API_KEYS") else None)
    if given is None:
        raise Misconfigured("which file? Name it with --file, or set PENCHANT_API_KEYS")
    made = add_key(given, name, [Role(role) for role in dict.fromkeys(roles)], users)
    if as_json:
        print_json({"name": name, "roles": list(dict.fromkeys(roles)), "key": made})
    else:
        say(made)
