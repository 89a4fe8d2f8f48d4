"""`penchant schemas`: the messages as JSON Schema."""

import click

from deploy.options import connection_options, examples
from serving.terminal.printing import print_document


@click.command(epilog=examples("penchant schemas > penchant.schema.json"))
@click.option("--json", "as_json", is_flag=True, help="One line instead of indented; JSON it is either way.")
@connection_options
def schemas(as_json: bool) -> None:
    """Print the JSON Schema of every message: {"messages": {name: schema}, "$defs": {…}}."""
    import msgspec

    from penchant.messages import MESSAGES

    components, definitions = msgspec.json.schema_components(list(MESSAGES.values()), ref_template="#/$defs/{name}")
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "messages": dict(zip(MESSAGES, components, strict=True)),
        "$defs": definitions,
    }
    print_document(document, indent=None if as_json else 2)
