"""A user takes no more of Redis than is promised."""

import json
from pathlib import Path

from click.testing import CliRunner
from redis import Redis

from benchmarks.memory import COMPONENTS, main
from deploy.local.services import EmbeddedStore, start_store


def test_a_full_user_takes_at_most_two_and_a_half_kilobytes(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["--users", "500", "--json", str(file)])
    assert done.exit_code == 0, done.output
    told = json.loads(file.read_text())
    each = told["bytes_per_user"]
    assert told["allocator"] == "libc"
    assert each["ring, counters, dedupe"] <= 2560
    assert each["texts"] <= 8 * (768 + 64)
    assert each["seen"] <= 2000 * 12 + 100
    assert each["impressions"] <= 256 * 12 + 100
    assert each["purchases"] <= 256 * 12 + 100
    assert list(each) == list(COMPONENTS)
    assert f"{each['ring, counters, dedupe']:,.0f}" in done.output


def test_a_store_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    store: EmbeddedStore = start_store(tmp_path)
    try:
        first = CliRunner().invoke(main, ["--users", "4", "--redis", store.url])
        assert first.exit_code == 0, first.output
        with Redis.from_url(store.url) as redis:
            assert redis.dbsize() == 0
            redis.set("mine", "1")
            refused = CliRunner().invoke(main, ["--users", "4", "--redis", store.url])
            assert refused.exit_code == 2
            assert "is not empty" in refused.output
            assert redis.get("mine") == b"1"
    finally:
        store.stop()
