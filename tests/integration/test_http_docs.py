"""The commands on the page for HTTP run as they stand there, but for the address."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Broker
from tests.support.api import ready, running_api
from tests.support.client_topics import ListTopics, a_list

pytestmark = pytest.mark.kafka
PAGE = Path(__file__).parents[2] / "docs" / "http.md"


def test_the_page(broker: Broker, redis_url: str, prefix: str, tmp_path: Path) -> None:
    topics = ListTopics(broker.bootstrap, prefix)
    topics.publish(("u1", a_list("u1", 1, "i9", "i3")), ("*", a_list("*", 1, "i7")))
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    with running_api(tmp_path, broker.bootstrap, redis_url, PENCHANT_PREFIX=prefix) as api:
        here = "\n".join(blocks).replace("http://127.0.0.1:8080", ready(api).address)
        ran = subprocess.run(
            ["bash", "-euc", here], capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path
        )

    assert ran.returncode == 0, ran.stderr
    assert '"user_id":"u1"' in ran.stdout
    assert '"item_id":"i7"' in ran.stdout
