"""What `penchant doctor` looks at: each check says whether all is well, what was found, and what to do."""

import importlib.util
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from typing import Any, TypeVar

import msgspec
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from deploy.dlq.dead_letter_record import DeadLetterFilter
from deploy.dlq.listing import count
from deploy.dlq.redrive import open_dead_letters
from deploy.doctor.check_result import NOTHING, CheckResult
from deploy.doctor.cluster_checks import isolation, limits, security, topic_settings
from deploy.doctor.item_hashes import of_one_hash
from deploy.doctor.retention import IN_TIME, POLICY, RETENTION, compare
from deploy.doctor.store_checks import clock, store
from deploy.options import need
from penchant.errors import Misconfigured, PenchantError, RejectReason
from penchant.topics import Topic
from serving.connections import Connections
from serving.kafka.admin import check_topics, describe, end_offsets, open_admin, partitions_of, read_topic, reader

_NAMED = 100  # of the items that share a hash


def run_checks(settings: Connections, max_lag: int) -> dict[str, dict[str, Any]]:
    """Look at everything; a check that cannot be made is not ok, and says what stood in its way."""
    checks: dict[str, Callable[[], CheckResult]] = {
        "broker": lambda: _broker(settings),
        "redis": lambda: store(settings),
        "clock": lambda: clock(settings),
        "model": lambda: _model(settings),
        "topics": lambda: _topics(settings),
        "items_known": lambda: _items_known(settings),
        "items_embedded": lambda: _items_embedded(settings),
        "lag": lambda: _lag(settings, max_lag),
        "retention": lambda: _retention(settings),
        "limits": lambda: limits(settings),
        "isolation": lambda: isolation(settings),
        "security": lambda: security(settings),
        "dead_letters": lambda: _dead_letters(settings),
    }
    return {name: _made(check).as_dict() for name, check in checks.items()}


def _made(check: Callable[[], CheckResult]) -> CheckResult:
    try:
        return check()
    except PenchantError as error:
        found, do = parted(str(error))
        return CheckResult(ok=False, found=found, do=do or found)


def parted(told: str) -> tuple[str, str]:
    """What is wrong, and what to do about it: before and after the first colon that stands in no brackets.

    >>> parted("no right to a group ([Error 30] Refused: ): give it those of its role")
    ('no right to a group ([Error 30] Refused: )', 'give it those of its role')
    >>> parted("it is gone")
    ('it is gone', '')
    """
    depth = 0
    for at, sign in enumerate(told):
        depth += (sign in "([{") - (sign in ")]}")
        if depth <= 0 and told.startswith(": ", at):
            return told[:at], told[at + 2 :]
    return told, ""


def _broker(settings: Connections) -> CheckResult:
    """Ask the broker who it is."""
    with open_admin(settings.brokers) as admin:
        cluster = admin.describe_cluster()
    nodes = len(cluster["brokers"])
    figures = {"bootstrap": settings.bootstrap, "cluster_id": cluster["cluster_id"], "nodes": nodes}
    return CheckResult(ok=True, found=f"answers at {settings.bootstrap}, {nodes} nodes", figures=figures)


def _model(settings: Connections) -> CheckResult:
    """Open the model folder, hashes and all."""
    from serving.model.artifact import open_artifact

    artifact = open_artifact(settings.model)
    head = artifact.sentiment is not None
    figures = {"fingerprint": artifact.fingerprint, "scheme": artifact.scheme, "dim": artifact.dim, "sentiment": head}
    found = f"{settings.model}: {artifact.fingerprint}, {artifact.scheme}"
    if head:
        return CheckResult(ok=True, found=found, figures=figures)
    do = "`penchant export sentiment` makes a head; without one a review without a rating counts whatever it says"
    return CheckResult(ok=True, found=f"{found}, no head for sentiment", do=do, figures=figures)


def _topics(settings: Connections) -> CheckResult:
    """Look whether every topic is there with the right partitions."""
    with open_admin(settings.brokers) as admin:
        findings = check_topics(admin, settings.topics)
        names = admin.list_topics()
    if not findings:
        return CheckResult(ok=True, found=f"all there under {settings.prefix!r}")
    figures = {"findings": [asdict(finding) for finding in findings]}
    if settings.topics.clicks not in names:
        return CheckResult(
            ok=False,
            found=f"{len(findings)} missing under {settings.prefix!r}",
            do="`penchant topics create`, or check --prefix",
            figures=figures,
        )
    return CheckResult(ok=False, found="; ".join(map(str, findings)), do=findings[0].do, figures=figures)


def _items_known(settings: Connections) -> CheckResult:
    """Count the items on items.v1. None is wrong once there is somebody to recommend something to."""
    known = _live(settings, settings.topics.items, lambda _: None)
    count = len(known)
    if shared := of_one_hash(known):
        found = f"{count} items, {len(shared)} times two of one hash, such as {' and '.join(shared[0][:2])}"
        do = "who has seen one is shown neither: give one of them another id, if that matters (docs/threats.md)"
        return CheckResult(ok=True, found=found, do=do, figures={"count": count, "of_one_hash": shared[:_NAMED]})
    if count:
        return CheckResult(ok=True, found=f"{count} items", figures={"count": count})
    do = "send the catalogue with `penchant produce items.jsonl`"
    if waiting := _users(settings):
        return CheckResult(ok=False, found=f"0 items, but {waiting}: lists are empty", do=do, figures={"count": 0})
    return CheckResult(ok=True, found="0 items", do=do, figures={"count": 0})


def _users(settings: Connections) -> str:
    """Whether events or users are there, in words; empty if not."""
    with reader(settings.brokers) as consumer:
        named = (settings.topics.clicks, settings.topics.reviews)
        partitions = [partition for name in named for partition in partitions_of(consumer, name)]
        begins = consumer.beginning_offsets(partitions) if partitions else {}
        if any(end > begins[partition] for partition, end in end_offsets(consumer, partitions).items()):
            return "there are events"
    if importlib.util.find_spec("redis") is None:
        return ""
    import redis

    from serving.redis.clients import blocking_client

    silence = (redis.RedisError, redis.RedisClusterException, OSError)
    with suppress(*silence), blocking_client(settings.redis, patience_s=5.0) as client:
        found = islice(client.scan_iter(match=f"{{{settings.keys}:*}}:u:*", count=1000), 1)
        return "the store holds users, of topics that are no more" if list(found) else ""
    return ""


def _items_embedded(settings: Connections) -> CheckResult:
    """Count the known items whose vector was made by this model folder."""
    from serving.model.artifact import open_artifact

    fingerprint = open_artifact(settings.model).fingerprint
    known = _live(settings, settings.topics.items, lambda _: None)
    fingerprints = _live(settings, settings.topics.item_vectors, _made_by)
    count = sum(1 for key in known if key in fingerprints and fingerprints[key].fingerprint == fingerprint)
    foreign = sum(1 for key in known if key in fingerprints) - count
    figures = {"count": count, "known": len(known), "other_fingerprint": foreign}
    found = f"{count} of {len(known)} items have a vector of {fingerprint}"
    if count == len(known):
        return CheckResult(ok=True, found=found, figures=figures)
    do = "wait while the workers embed them; if the number stands still, start a worker and look at its log"
    return CheckResult(ok=False, found=found, do=do, figures=figures)


class _Made(msgspec.Struct):
    """What is read of an item vector: by which model folder it was made."""

    fingerprint: str


def _made_by(value: bytes) -> _Made:
    try:
        return _FINGERPRINT.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):  # no worker wrote it: it is no vector of this folder
        return _Made("")


T = TypeVar("T")
_FINGERPRINT = msgspec.json.Decoder(_Made)


def _live(settings: Connections, name: str, keep: Callable[[bytes], T]) -> dict[bytes, T]:
    """Read a compacted topic: what `keep` makes of the newest value of each key that was not removed."""
    newest: dict[bytes, T] = {}
    for record in read_topic(settings.brokers, name):
        if record.value is None:
            newest.pop(record.key, None)
        elif record.key is not None:
            newest[record.key] = keep(record.value)
    return newest


def _lag(settings: Connections, max_lag: int) -> CheckResult:
    """Count the events that the workers' group has not acknowledged yet."""
    group = f"{settings.keys}-worker"
    read = (Topic.CLICKS, Topic.REVIEWS, Topic.COMMANDS, Topic.ITEMS)
    with open_admin(settings.brokers) as admin:
        committed = _committed(admin, group)
    with reader(settings.brokers) as consumer:
        partitions = [p for topic in read for p in partitions_of(consumer, settings.topics.name(topic))]
        begins = consumer.beginning_offsets(partitions)
        ends = end_offsets(consumer, partitions)
    behind: dict[str, int] = defaultdict(int)
    for partition, end in ends.items():
        behind[partition.topic] += max(0, end - committed.get(partition, begins[partition]))
    total = sum(behind.values())
    figures = {"count": total, "group": group, "by_topic": dict(behind)}
    found = f"{group} is {total} events behind"
    if total <= max_lag:
        return CheckResult(ok=True, found=found, figures=figures)
    do = "add workers, up to the partition count; if the number does not fall at all, look at the workers' logs"
    if not committed:
        do = "no worker has read anything yet: start one with `penchant worker`"
    return CheckResult(ok=False, found=found, do=do, figures=figures)


def _retention(settings: Connections) -> CheckResult:
    """Compare how long topics keep things with the plan, and with how long erased users' tombstones are kept."""
    need("worker", "redis")
    from stream.settings import WorkerSettings

    days = WorkerSettings().input_retention_days
    told = {}
    with open_admin(settings.brokers) as admin:
        for name in describe(admin, [plan.name for plan in settings.topics.plan(partitions=0)]):
            answer = topic_settings(admin, name)
            told[name] = {setting: answer[setting] for setting in (POLICY, RETENTION)}
            told[name] |= {setting: answer[setting] for setting in IN_TIME if setting in answer}
    if not told:
        raise Misconfigured(f"no topics under {settings.prefix!r}: `penchant topics create`, or check --prefix")
    kept = compare(told, settings.topics, days)
    figures = {
        "digests_days": days,
        "findings": [asdict(finding) for finding in kept.findings],
        "shorter_days": kept.shorter,
    }
    if kept.findings:
        return CheckResult(ok=False, found="; ".join(map(str, kept.findings)), do=kept.findings[0].do, figures=figures)
    shorter = f", {len(kept.shorter)} topics for less than planned" if kept.shorter else ""
    return CheckResult(
        ok=True, found=f"inputs go before tombstones of erased users, {days} days{shorter}", figures=figures
    )


def _dead_letters(settings: Connections) -> CheckResult:
    """Count the dead letters that were not sent back. An erasure among them is wrong whatever the reason."""
    with open_dead_letters(settings.brokers, settings.topics, DeadLetterFilter()) as (dead_letters, redrive_log):
        rows, erasures = count(dead_letters.read(), redrive_log, settings.topics)
    by_reason: dict[str, int] = defaultdict(int)
    for row in rows:
        if parked := row["letters"] - row["redriven"]:
            by_reason[row["reason"] or "(not a worker's)"] += parked
    total = sum(by_reason.values())
    figures = {"count": total, "by_reason": dict(by_reason), "erasures": erasures}
    if erasures:
        return CheckResult(
            ok=False,
            found=f"{erasures} of {total} dead letters ask for a user to be erased, who is not",
            do="`penchant dlq show --topic commands` says why: fix it, then `penchant dlq redrive --topic commands`, "
            "or `penchant erase USER`",
            figures=figures,
        )
    found = ", ".join(f"{number} {reason}" for reason, number in sorted(by_reason.items())) or "none"
    ours = sum(by_reason.get(reason.value, 0) for reason in (RejectReason.INTERNAL, RejectReason.QUARANTINED))
    if ours:
        which = "--reason internal --reason quarantined"
        do = f"`penchant dlq show {which}` names the place: report it; once fixed, `penchant dlq redrive {which}`"
        return CheckResult(
            ok=False, found=f"{ours} of {total} stand for a fault of ours: {found}", do=do, figures=figures
        )
    hint = "`penchant dlq show`; `penchant dlq redrive` once the cause is fixed" if total else NOTHING
    return CheckResult(ok=True, found=found, do=hint, figures=figures)


def _committed(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """Read the offsets that a group acknowledged; empty for a group that the broker does not know."""
    from kafka.errors import CoordinatorNotAvailableError

    try:
        offsets = admin.list_group_offsets(group)[group]
    except CoordinatorNotAvailableError:  # no group has ever been here: Kafka makes its offsets topic on demand
        return {}
    return {partition: told.offset for partition, told in offsets.items() if told.offset >= 0}
