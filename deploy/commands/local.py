"""`penchant local`: everything on one machine."""

import sys

import click

from deploy.options import connection_options, examples, json_option


@click.command(
    epilog=examples(
        "penchant local",
        "penchant local --json --workers 2 --partitions 8",
        "penchant local --bootstrap kafka:9092 --redis redis://redis:6379/0",
    )
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="How many workers to start.")
@click.option(
    "--partitions", type=click.IntRange(1, 10_000), default=4, show_default=True, help="Of each topic that is created."
)
@json_option
@connection_options
def local(workers: int, partitions: int, as_json: bool) -> None:
    """Start broker, store, workers and API on free loopback ports; stop all with Ctrl-C or SIGTERM.

    Broker and store are embedded and keep everything in memory; a running one named by --bootstrap or --redis (or
    by their variables) is used instead. The topics are created. Once all are ready, one line of JSON with --json, or
    a few words, say where they are. A worker that dies is started again, at most 5 times in 5 minutes.

    The embedded broker serves kafka-python, aiokafka and librdkafka. It refuses franz-go, the Java client, idempotent
    KafkaJS, and transactions: for those name an Apache Kafka with --bootstrap (docs/running.md).
    """
    from deploy.local.stack import LocalSystem
    from deploy.options import ENVIRONMENT, broker_named, need

    need("worker", "faust", "aiokafka", "redis", "tokenizers")
    need("cpu", "onnxruntime")
    _check_settings()
    system = LocalSystem(
        bootstrap=broker_named(),
        redis=_redis_given(ENVIRONMENT["redis"]),
        workers=workers,
        partitions=partitions,
    )
    sys.exit(system.run(as_json=as_json))


def _redis_given(variable: str) -> str | None:
    """The address in the variable, or in the file that another one names; the processes we start have it in theirs."""
    import os

    from serving.connections import Connections

    if f"{variable}_FILE" in os.environ:
        given = Connections().redis
        del os.environ[f"{variable}_FILE"]
        return given
    return os.environ.get(variable)


def _check_settings() -> None:
    """What a worker or the API would refuse, before anything is started."""
    from serving.api.settings import ApiSettings
    from stream.settings import WorkerSettings

    WorkerSettings()
    ApiSettings()
