"""What is kept for too long is named, with what to do; what is kept for less long than planned is told."""

import pytest

from deploy.doctor.retention import compare
from penchant.topics import Topic, Topics
from stream.settings import WorkerSettings

TOPICS = Topics("p")
DAY_MS = 86_400_000
PLANNED = {plan.name: plan.configs for plan in TOPICS.plan(1)}


def changed(name: str, **configs: str) -> dict[str, dict[str, str]]:
    """The plan, but for one topic; `retention_days=`, `policy=`."""
    names = {
        "retention_ms": "retention.ms",
        "policy": "cleanup.policy",
        "segment_ms": "segment.ms",
        "lag_ms": "max.compaction.lag.ms",
    }
    return {**PLANNED, name: {**PLANNED[name], **{names[key]: value for key, value in configs.items()}}}


def test_what_topics_create_sets_is_well() -> None:
    assert compare(PLANNED, TOPICS, 90) == compare({}, TOPICS, 90)
    assert compare(PLANNED, TOPICS, 90).findings == []


@pytest.mark.parametrize("topic", [Topic.CLICKS, Topic.REVIEWS, Topic.COMMANDS])
@pytest.mark.parametrize("suffix", ["", ".dlq"])
@pytest.mark.parametrize("kept", [-1, 90 * DAY_MS + 1])
def test_inputs_must_not_outlive_tombstones(topic: Topic, suffix: str, kept: int) -> None:
    name = TOPICS.name(topic) + suffix
    (finding,) = compare(changed(name, retention_ms=str(kept)), TOPICS, 90).findings
    assert finding.topic == name
    assert "PENCHANT_INPUT_RETENTION_DAYS" in finding.do
    assert ("for ever" in finding.problem) == (kept < 0)


def test_tombstones_that_are_kept_for_less_long_are_found_by_every_input() -> None:
    assert {finding.topic for finding in compare(PLANNED, TOPICS, 89).findings} == {
        TOPICS.clicks, TOPICS.reviews, TOPICS.commands
    }  # fmt: skip
    assert compare(PLANNED, TOPICS, 29).findings[1].topic == f"{TOPICS.clicks}.dlq"


@pytest.mark.parametrize("topic", [Topic.COVISITS, Topic.TRANSFERS, Topic.RECEIPTS, Topic.RECOMMENDATIONS])
def test_what_holds_users_events_is_kept_as_planned_or_less(topic: Topic) -> None:
    name = TOPICS.name(topic)
    planned = int(PLANNED[name]["retention.ms"])
    (finding,) = compare(changed(name, retention_ms=str(planned + 1)), TOPICS, 90).findings
    assert finding.do == f"set retention.ms={planned}"
    shorter = compare(changed(name, retention_ms=str(planned // 2)), TOPICS, 90)
    assert (shorter.findings, shorter.shorter) == ([], {name: planned / 2 / DAY_MS})


def test_another_clean_up_is_found() -> None:
    (finding,) = compare(changed(TOPICS.item_vectors, policy="delete"), TOPICS, 90).findings
    assert finding.do == "set cleanup.policy=compact"
    assert compare(changed(TOPICS.recommendations, policy="delete,compact"), TOPICS, 90).findings == []


@pytest.mark.parametrize("topic", [Topic.CLICKS, Topic.COVISITS, Topic.RECEIPTS, Topic.RECOMMENDATIONS])
def test_segments_that_are_closed_late_are_found(topic: Topic) -> None:
    """A week is Kafka's default, which topics of before have."""
    name = TOPICS.name(topic)
    (finding,) = compare(changed(name, segment_ms=str(7 * DAY_MS)), TOPICS, 90).findings
    assert (finding.topic, finding.do) == (name, f"set segment.ms={DAY_MS}")
    assert "7 days" in finding.problem


def test_old_lists_that_are_never_compacted_are_found() -> None:
    (finding,) = compare(changed(TOPICS.recommendations, lag_ms=str(2**63 - 1)), TOPICS, 90).findings
    assert finding.do == f"set max.compaction.lag.ms={DAY_MS}"
    assert "for ever" in finding.problem


def test_a_tombstone_outlives_every_segment_of_the_inputs() -> None:
    """A segment is deleted when its newest record is old enough, so its oldest stays for as long as it was open."""
    for days in (1, 90):
        kept_s = WorkerSettings(input_retention_days=days).retention().erased_s
        assert kept_s > days * 86_400 + 7 * 86_400
