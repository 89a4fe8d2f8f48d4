"""What an operator does after a broker lost the end of its log: goes on from a time before that."""

from penchant.times import rfc3339
from tests.faults.scenario import Scenario, Unexpected
from tests.support.command import penchant


def go_on_from(scenario: Scenario, lost_ms: int) -> None:
    """Adopt what is left, by the command, and start a worker: the fault is over."""
    system = scenario.system
    where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    adopted = penchant("topics", "adopt", "--force", "--lost-since", rfc3339(lost_ms), *where)
    if adopted.exit_code != 0:
        raise Unexpected(f"`penchant topics adopt --lost-since` ended with {adopted.exit_code}: {adopted.err}")
    scenario.fault_ended()
    scenario.pairs_kept = False
    scenario.wait_until_ready(scenario.worker())
