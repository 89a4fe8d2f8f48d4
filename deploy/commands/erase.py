"""`penchant erase`: forget a user."""

import sys

import click

from deploy.options import IdParam, connection_options, examples, json_option
from serving.terminal.printable import shown
from serving.terminal.printing import complain, print_json, say

REFUSED = 1


@click.command(epilog=examples("penchant erase u1", "penchant erase u1 --json --timeout 5"))
@click.argument("user", type=IdParam())
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True, help="Seconds to wait."
)
@json_option
@connection_options
def erase(user: str, timeout: float, as_json: bool) -> None:
    """Forget USER: interests, what waits, and the published list. Ends when the receipt is there.

    What stands on the input topics goes when their retention has passed; until then a tombstone keeps it from
    bringing the user back. Later events start afresh. Ends with 1 if the erasure was refused, and with 75 if no
    worker answered in time; the command then stays on its topic and is carried out by the next worker.
    """
    from deploy.events.command_client import send_command
    from serving.connections import Connections

    settings = Connections()
    receipt = send_command(settings, user, "erase", timeout)
    if as_json:
        print_json(
            {
                "command_id": receipt.command_id,
                "status": receipt.status,
                "reason": receipt.reason,
                "completed_at": receipt.completed_at,
                "removed": receipt.removed,
            }
        )
    elif receipt.status == "done":
        removed = ", ".join(f"{count} {name}" for name, count in receipt.removed.items() if count) or "nothing was kept"
        say(f"erased {user!r}: {removed}")
    else:
        complain(f"refused: {shown(str(receipt.reason))}")
    if receipt.status != "done":
        sys.exit(REFUSED)
