"""Creates the topics, and writes the run id by which they are known where a broker gives topics no ids."""

import secrets
from contextlib import closing
from dataclasses import dataclass, field

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError, for_code

from deploy.topics.settings import OtherSetting, align, other_settings
from penchant.errors import Misconfigured
from penchant.topics import Plan, Topics
from serving.kafka.admin import RUN_KEY, TopicProblem, describe, open_admin, run_id, translated
from serving.kafka.brokers import AnyBrokers, brokers_of

_IN_SYNC = 2  # replicas that have what was confirmed, where there are as many: it outlives one broker


@dataclass(frozen=True, slots=True)
class Created:
    """What `create_topics` did: topics made now, topics that were there, and where those differ from the plan.

    settings: of topics that were there, as they were found.
    """

    made: list[str]
    kept: list[str]
    differing: list[TopicProblem]
    run: str
    settings: list[OtherSetting] = field(default_factory=list)


def create_topics(
    brokers: AnyBrokers, topics: Topics, partitions: int, replication: int, *, aligned: bool = False
) -> Created:
    """Create every topic that is missing, with `partitions` partitions and `replication` replicas each.

    Topics that are there are left as they are; where one has other partitions than asked for, a finding says so.
    aligned: their settings become those of the plan.

    Raises `Unavailable`; `Misconfigured` if the broker refuses, as it does with fewer nodes than `replication`.
    """
    plans = list(topics.plan(partitions))
    with open_admin(brokers, timeout_s=30.0) as admin:
        there = describe(admin, [plan.name for plan in plans])
        missing = [plan for plan in plans if plan.name not in there]
        if missing:
            _create(admin, missing, replication)
        settings = other_settings(admin, [plan for plan in plans if plan.name in there])
        if aligned:
            align(admin, settings)
    counts = {name: len(topic["partitions"]) for name, topic in there.items()}
    differing = [
        TopicProblem(
            plan.name,
            f"has {counts[plan.name]} partitions, not {plan.partitions}",
            "topics are not resized: ask for as many as there are, or use another --prefix and replay",
        )
        for plan in plans
        if counts.get(plan.name, plan.partitions) != plan.partitions
    ]
    run = run_id(brokers, topics) or _write_run_id(brokers, topics)
    return Created([plan.name for plan in missing], sorted(there), differing, run, settings)


def _create(admin: KafkaAdminClient, plans: list[Plan], replication: int) -> None:
    """Ask for all at once, and wait until each has its leaders. One made meanwhile by another process is well."""
    asked = {plan.name: _options(plan, replication) for plan in plans}
    for topic in admin.create_topics(asked, raise_errors=False)["topics"]:
        if topic["error_code"] not in {0, TopicAlreadyExistsError.errno}:
            words = topic["error_message"] or for_code(topic["error_code"]).__name__
            raise Misconfigured(
                f"the broker did not make {topic['name']} ({words}): ask for no more --replication than it has nodes, "
                "and for the right to create topics"
            )
    admin.wait_for_topics(list(asked), timeout_ms=30_000)


def _options(plan: Plan, replication: int) -> dict[str, object]:
    configs = plan.configs if replication == 1 else {**plan.configs, "min.insync.replicas": str(_IN_SYNC)}
    return {"num_partitions": plan.partitions, "replication_factor": replication, "configs": configs}


def _write_run_id(brokers: AnyBrokers, topics: Topics) -> str:
    """Write a random run id, and return the one that then stands there: the last writer's."""
    with translated(brokers), closing(KafkaProducer(**brokers_of(brokers).of_kafka_python())) as producer:
        producer.send(topics.meta, key=RUN_KEY, value=secrets.token_hex(8).encode()).get(timeout=30)
    run = run_id(brokers, topics)
    if run is None:
        raise RuntimeError("this is a bug: a confirmed record was not read back")
    return run
