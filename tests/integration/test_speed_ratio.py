"""Speed is guarded by a ratio, not by a time: the pipeline against the naive agent, in turns, on the same CPU."""

import json
import os
import subprocess
import sys

# How many events the pipeline takes in while the naive agent takes in one, by CPU: with Redis, without a broker. It was
# .82 to .85 on an AMD EPYC, and more on a busy one. Raise it when something was made faster; a third less fails.
KEPT_RATIO = 0.82


def test_the_pipeline_keeps_its_ratio_to_the_naive_agent(redis_url: str, prefix: str) -> None:
    command = [sys.executable, "-m", "tests.support.speed_ratio", redis_url, prefix]
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=one_thread)
    assert done.returncode == 0, done.stderr

    us = json.loads(done.stdout)

    ratio = us["naive"] / us["pipeline"]
    assert ratio > KEPT_RATIO * 2 / 3, f"{ratio:.2f} instead of {KEPT_RATIO}: microseconds of CPU an event are {us}"
