"""The API process put together."""

from deploy.options import need
from serving.api import app
from serving.api.ondemand.port import OnDemand
from serving.api.operator.dead_letters import DeadLetterBox
from serving.connections import Connections


def main() -> int:
    """Run it; return the exit code."""
    return app.main(app.Parts(_lists_on_demand, _dead_letters))


def _lists_on_demand(silent_s: float) -> OnDemand:
    """Imported for the first request. Raises Misconfigured if that is not installed, or settings are wrong."""
    need("worker,cpu", "numba", "tokenizers")
    from stream.ondemand.lists_on_demand import ListsOnDemand
    from stream.settings import WorkerSettings

    return ListsOnDemand(WorkerSettings(), silent_s)


def _dead_letters(settings: Connections) -> DeadLetterBox:
    from deploy.dlq.box import BrokersDeadLetters

    return BrokersDeadLetters(settings.brokers, settings.topics)
