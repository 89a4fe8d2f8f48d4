"""`penchant worker`: one stream worker in this process."""

import click

from deploy.options import connection_options, examples, need


@click.command(epilog=examples("penchant worker --bootstrap kafka:9092 --redis redis://redis:6379/0"))
@connection_options
def worker() -> None:
    """Run one worker: it keeps the interests of its partitions' users current and publishes their lists.

    Further settings are read from the environment (PENCHANT_…), described in docs/settings.md. SIGTERM stops it.
    """
    need("worker", "faust", "aiokafka", "redis", "tokenizers")
    need("cpu", "onnxruntime")
    from stream.__main__ import leave, main

    leave(main())
