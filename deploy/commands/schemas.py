"""`penchant schemas`: the messages as JSON Schema."""

import click

from deploy.options import connection_options, examples
from serving.terminal.printing import print_document, say


@click.command(
    epilog=examples(
        "penchant schemas > penchant.schema.json",
        "penchant schemas --typescript > penchant.d.ts",
        "penchant schemas --asyncapi --prefix shop > asyncapi.json",
    )
)
@click.option("--json", "as_json", is_flag=True, help="One line instead of indented; JSON it is either way.")
@click.option("--typescript", is_flag=True, help="TypeScript declarations instead.")
@click.option("--asyncapi", "as_asyncapi", is_flag=True, help="An AsyncAPI 3 document instead: topics, too.")
@connection_options
def schemas(as_json: bool, typescript: bool, as_asyncapi: bool) -> None:
    """Print the JSON Schema of every message: {"messages": {name: schema}, "$defs": {…}}."""
    indent = None if as_json else 2
    if as_asyncapi:
        from deploy.asyncapi import asyncapi
        from serving.connections import Connections

        settings = Connections()
        print_document(asyncapi(settings.topics, settings.brokers), indent=indent)
        return
    import msgspec

    from deploy.typescript import declarations
    from penchant.messages import MESSAGES

    components, definitions = msgspec.json.schema_components(list(MESSAGES.values()), ref_template="#/$defs/{name}")
    if typescript:
        say(declarations(definitions).removesuffix("\n"))
        return
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "messages": dict(zip(MESSAGES, components, strict=True)),
        "$defs": definitions,
    }
    print_document(document, indent=indent)
