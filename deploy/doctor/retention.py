"""How long topics keep things: compared with the table, and with how long an erased user stays erased. No I/O.

An erased user's tombstone keeps old events from bringing the user back. It lasts `PENCHANT_INPUT_RETENTION_DAYS`;
whatever may send an old event again (input topics and their dead letters) must have forgotten it by then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penchant.topics import DAY_S, Plan, Topic, Topics
from serving.kafka.admin import TopicProblem

__all__ = ()

POLICY, RETENTION = "cleanup.policy", "retention.ms"
IN_TIME = ("segment.ms", "max.compaction.lag.ms")
_DAY_MS = DAY_S * 1000
_EVER_MS = 2**62  # Kafka writes "never" as the largest whole number


@dataclass(frozen=True, slots=True)
class RetentionFindings:
    """What was found: what is wrong, and topic -> days where something is kept for less long than planned."""

    findings: list[TopicProblem] = field(default_factory=list)
    shorter: dict[str, float] = field(default_factory=dict)


def compare(told: Mapping[str, Mapping[str, str]], topics: Topics, tombstone_days: int) -> RetentionFindings:
    """Compare what the broker tells (topic -> setting -> value) with what `topics create` sets, missing ones aside."""
    kept = RetentionFindings()
    replayed = {topics.name(topic) for topic in Topic if topic.user_keyed and topic.value.dead_letters}
    replayed |= {f"{name}.dlq" for name in replayed}
    for plan in topics.plan(partitions=0):
        if plan.name not in told:
            continue
        found = told[plan.name]
        wanted, has = (set(configs[POLICY].split(",")) for configs in (plan.configs, found))
        if has != wanted:
            words = ",".join(sorted(wanted))
            kept.findings.append(
                TopicProblem(plan.name, f"is cleaned up by {found[POLICY]}, not {words}", f"set {POLICY}={words}")
            )
        if "delete" not in wanted:
            continue
        planned_ms, has_ms = int(plan.configs[RETENTION]), _endless(int(found[RETENTION]))
        if plan.name in replayed:
            if has_ms > tombstone_days * _DAY_MS:
                kept.findings.append(_outlived(plan.name, has_ms, tombstone_days))
        elif has_ms > planned_ms:
            problem = f"is kept for {_days(has_ms)}, not {_days(planned_ms)}: erased users stay in it for as long"
            kept.findings.append(TopicProblem(plan.name, problem, f"set {RETENTION}={planned_ms}"))
        kept.findings.extend(_late(plan, found))
        if has_ms < planned_ms:
            kept.shorter[plan.name] = has_ms / _DAY_MS
    return kept


def _late(plan: Plan, found: Mapping[str, str]) -> list[TopicProblem]:
    """Settings by which what is to go stays for longer; one that the broker does not tell is none of ours to judge."""
    return [
        TopicProblem(
            plan.name,
            f"has {name}={found[name]}: what is erased may stay for {_days(_endless(int(found[name])))} more",
            f"set {name}={plan.configs[name]}",
        )
        for name in IN_TIME
        if name in plan.configs and name in found and _endless(int(found[name])) > int(plan.configs[name])
    ]


def _outlived(name: str, has_ms: float, tombstone_days: int) -> TopicProblem:
    return TopicProblem(
        name,
        f"is kept for {_days(has_ms)}, tombstones of erased users for {tombstone_days} days: "
        "after that an old event brings a user back",
        f"set PENCHANT_INPUT_RETENTION_DAYS of the workers to as much, or {RETENTION}={tombstone_days * _DAY_MS}",
    )


def _endless(time_ms: int) -> float:
    return time_ms if 0 <= time_ms < _EVER_MS else float("inf")


def _days(time_ms: float) -> str:
    return "ever" if time_ms == float("inf") else f"{time_ms / _DAY_MS:g} days"
