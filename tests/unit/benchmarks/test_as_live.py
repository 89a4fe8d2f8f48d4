"""The demo's hits beside those of the same ratings offline: read, compared, told apart."""

import gzip
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.quality.as_live import compare, read_sent
from deploy.demo.rating_replay import SentRating


def sent(hits: int, misses: int) -> list[SentRating]:
    found = [True] * hits + [False] * misses
    return [SentRating(n, "u", str(n), 5.0, hit) for n, hit in enumerate(found)] + [
        SentRating(0, "u", "low", 1.0, None)
    ]


def test_what_the_demo_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl.gz"
    file.write_bytes(gzip.compress(msgspec.json.Encoder().encode_lines(sent(2, 1))))
    assert read_sent(file) == sent(2, 1)


def test_only_positive_ratings_count_and_a_rate_far_off_is_outside() -> None:
    offline = np.array([1.0] * 20 + [0.0] * 80)
    near, far = compare(sent(22, 78), offline), compare(sent(50, 50), offline)
    assert (near["ratings"], near["positives"], near["live_hr@10"], near["offline_hr@10"]) == (101, 100, 0.22, 0.2)
    assert (near["within"], far["within"]) == (True, False)
