"""What is sent, and when."""

import json

import numpy as np
import pytest

from benchmarks.performance.load.schedule import due
from benchmarks.performance.load.workload import Sent, Workload, messages, texts
from benchmarks.performance.run_figures import percentiles
from serving.model.artifact import open_artifact
from serving.model.tokenizer import open_tokenizer
from tests.support.system import MODEL


def test_poisson_arrivals_come_at_the_rate_and_wait_for_nobody() -> None:
    times = due(500, 40, np.random.default_rng(1))

    gaps = np.diff(times)
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert (gaps > 0).all()
    assert times[-1] < 40
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # as those of an exponential distribution


def test_users_are_drawn_by_zipfs_law() -> None:
    sent = messages(Workload(items=50, users=1000), "r", 20_000)

    users = [message.key for message in sent]
    assert users.count(b"u0") / users.count(b"u9") == pytest.approx(10, rel=0.2)
    assert len(set(users)) > 900


def test_the_share_of_reviews_and_ids() -> None:
    sent = messages(Workload(reviews=0.25), "r", 4000)

    bodies = [json.loads(message.value) for message in sent]
    assert [body["event_id"] for body in bodies] == [f"r-{n}" for n in range(4000)]
    assert [message.review for message in sent] == ["text" in body for body in bodies]
    assert sum(message.review for message in sent) == pytest.approx(1000, rel=0.1)


def test_another_run_sends_other_events_of_the_same_items() -> None:
    one, other = (messages(Workload(items=5, users=5), run, 2000) for run in ("a", "b"))

    def favourite(sent: list[Sent]) -> str:
        items: list[str] = [json.loads(message.value)["item_id"] for message in sent]
        return max(set(items), key=items.count)

    assert [message.key for message in one] != [message.key for message in other]
    assert favourite(one) == favourite(other)


def test_a_percentile_is_the_time_of_an_event() -> None:
    assert percentiles(np.array([5.0])) == {"p50": 5.0, "p90": 5.0, "p99": 5.0, "max": 5.0}
    assert percentiles(np.array([1.0, 9.0])) == {"p50": 1.0, "p90": 9.0, "p99": 9.0, "max": 9.0}
    assert percentiles(np.array([])) is None


@pytest.mark.model
def test_texts_have_32_to_64_tokens_and_differ() -> None:
    artifact = open_artifact(MODEL)
    tokenizer = open_tokenizer(artifact.tokenizer, artifact.max_tokens)
    some = list(texts(np.random.default_rng(3), 500))

    lengths = [len(ids) for ids in tokenizer.ids([artifact.prefixes["query"] + text for text in some])]

    assert min(lengths) >= 32
    assert max(lengths) <= 64
    assert len(set(some)) == 500
