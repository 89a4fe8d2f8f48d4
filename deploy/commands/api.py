"""`penchant api`: the API process."""

import os
import sys

import click

from deploy.options import connection_options, examples, need


@click.command(epilog=examples("penchant api --port 8080 --bootstrap kafka:9092 --redis redis://redis:6379/0"))
@click.option("--host", help="The address to listen on. [env: PENCHANT_API_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on. [env: PENCHANT_API_PORT; default: 8080]")
@connection_options
def api(host: str | None, port: int | None) -> None:
    """Run the API: lists over HTTP, health and metrics (docs/http.md). SIGTERM stops it."""
    need("api", "aiohttp", "aiokafka", "redis", "prometheus_client")
    if host is not None:
        os.environ["PENCHANT_API_HOST"] = host
    if port is not None:
        os.environ["PENCHANT_API_PORT"] = str(port)
    from deploy.api.api_process import main

    sys.exit(main())
