"""A worker whose vectors come from an embeddings endpoint, over HTTP."""

from pathlib import Path

import pytest

from tests.conftest import Broker
from tests.support.embeddings_service import KEY, service, write_endpoint_folder
from tests.support.system import running
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


def test_a_text_that_a_slow_endpoint_did_not_read_is_made_up_for(
    broker: Broker, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    """Given an endpoint that hangs, when a user says something, then a list comes at once, and later one with it."""
    with service(tmp_path) as served, running(broker, redis_url, prefix, tmp_path) as system:
        (tmp_path / "key").write_text(KEY, encoding="utf-8")
        folder = write_endpoint_folder(tmp_path / "model", served)
        worker = system.start_ready(PENCHANT_MODEL=str(folder), PENCHANT_EMBEDDINGS_KEY_FILE=str(tmp_path / "key"))
        system.publish([{"item_id": f"i{n}", "title": word} for n, word in enumerate(("film", "shoes", "bread"))])

        served.free.clear()
        system.say("u1", "red film", event_id="s1")
        assert until(lambda: "s1" in system.named(), 30), worker.child.last_lines()
        waiting, *_ = system.lists("u1")
        served.free.set()
        told = system.read_list_for("u1", "s1")

        assert waiting["path"] != "live"
        assert told["path"] == "live"
        assert until(lambda: worker.metric("penchant_texts_made_up_total") == 1), "counted after its list"
        assert KEY not in (tmp_path / "worker-0.log").read_text(encoding="utf-8")
