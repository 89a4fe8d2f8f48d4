"""Commands on a running system where they need the signature of a key."""

import json
from pathlib import Path

import pytest

from penchant.signatures import SIGNATURE
from tests.acceptance.test_erasure import receipt_of
from tests.support.api import ready, running_api
from tests.support.command import penchant
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]


def test_who_has_a_key_commands_and_nobody_else(system: System, tmp_path: Path) -> None:
    """Given workers with keys, then the command line and the API with one of them are obeyed; others are answered."""
    (tmp_path / "keys").write_text("new:0123456789abcdef\nold:fedcba9876543210\n")
    system.start_ready(PENCHANT_COMMANDS_KEY_FILE=str(tmp_path / "keys"))
    here = {
        "PENCHANT_BOOTSTRAP": system.bootstrap,
        "PENCHANT_REDIS": system.redis_url,
        "PENCHANT_PREFIX": system.topics.prefix,
    }
    system.say("ann", "I love westerns", event_id="a")
    system.say("ben", "I love westerns", event_id="b")
    for user, event_id in (("ann", "a"), ("ben", "b")):
        system.list_for(user, event_id)
    holder = {**here, "PENCHANT_COMMANDS_KEY": "old:fedcba9876543210"}

    refused = penchant("erase", "ben", environment=here)
    assert (refused.exit_code, f"refused: unsigned: it has no header `{SIGNATURE}`" in refused.err) == (1, True)
    forged = penchant("erase", "ben", environment={**here, "PENCHANT_COMMANDS_KEY": "old:0123456789abcdef"})
    assert forged.exit_code == 1
    assert penchant("erase", "ann", environment=holder).exit_code == 0

    settings = {"PENCHANT_PREFIX": system.topics.prefix, "PENCHANT_COMMANDS_KEY": "old:fedcba9876543210"}
    with running_api(tmp_path, system.bootstrap, system.redis_url, **settings) as api:
        command = {"command_id": "by-http", "type": "erase", "user_id": "ann"}
        ready(api)
        assert until(lambda: api.ask("/v1/commands", command).status == 202)
        assert receipt_of(system, "by-http")["status"] == "done"

    # Whoever replays has none of these keys, and gives every command the verdict of then all the same.
    here = {**system.environment, "PENCHANT_COMMANDS_KEY": "next:0123456789abcdef"}
    replayed = penchant("replay", "--verify", "--json", environment=here)
    told = json.loads(replayed.out)
    assert (replayed.exit_code, told["different"], told["missing"], told["extra"]) == (0, 0, 0, 0), replayed.err
    assert told["users"] == 2
