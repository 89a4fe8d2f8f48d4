"""What `penchant doctor` finds of how broker and store are reached, and of what topics are set to."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict

from kafka import KafkaConsumer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from deploy.doctor.check_result import NOTHING, CheckResult
from penchant.errors import Misconfigured
from penchant.topics import Topics
from serving.connections import Connections
from serving.kafka.admin import TopicProblem, describe, end_offsets, open_admin, partitions_of, reader
from serving.redis.url import address_of

__all__ = ()

_IN_SYNC = "min.insync.replicas"
_LARGEST = "max.message.bytes"


def security(settings: Connections) -> CheckResult:
    """Say how broker and store are spoken to, without a secret."""
    kafka, store = settings.brokers.security, address_of(settings.redis)
    login = f", {kafka.mechanism} as {kafka.username or 'a token says'}" if kafka.has_sasl else ""
    name = "" if not kafka.has_tls or kafka.tls.check_hostname else ", host name unchecked"
    within = "within TLS" if store.one.startswith("rediss") else "in the clear" if "unix:" not in store.one else "here"
    figures = {
        "kafka": kafka.protocol,
        "sasl": kafka.mechanism,
        "redis": store.kind,
        "redis_tls": within == "within TLS",
    }
    found = f"Kafka by {kafka.protocol}{login}{name}; Redis ({store.kind}) {within}"
    do = NOTHING
    if name:
        do = "PENCHANT_KAFKA_SSL_CHECK_HOSTNAME=true, with certificates for the names by which brokers are reached"
    elif kafka.has_sasl and not kafka.has_tls:
        do = "the login goes over the wire as it is: PENCHANT_KAFKA_SECURITY_PROTOCOL=SASL_SSL"
    return CheckResult(ok=True, found=found, do=do, figures=figures)


def limits(settings: Connections) -> CheckResult:
    """Compare what topics take, and how many replicas confirm it, with what `topics create` sets."""
    with open_admin(settings.brokers) as admin:
        there = describe(admin, [plan.name for plan in settings.topics.plan(partitions=0)])
        told = {name: topic_settings(admin, name) for name in there}
    if not told:
        raise Misconfigured(f"no topics under {settings.prefix!r}: `penchant topics create`, or check --prefix")
    replicas = {name: len(topic["partitions"][0].get("replica_nodes", ())) for name, topic in there.items()}
    findings = [*differing(told, settings.topics), *too_few(told, replicas)]
    figures = {"findings": [asdict(finding) for finding in findings]}
    if findings:
        return CheckResult(ok=False, found="; ".join(map(str, findings)), do=findings[0].do, figures=figures)
    return CheckResult(ok=True, found="topics take what may be sent, and keep what was confirmed", figures=figures)


def topic_settings(admin: KafkaAdminClient, name: str) -> dict[str, str]:
    """What a topic is set to, by setting.

    Raises Misconfigured if this user may not know: a broker answers with nothing then.
    """
    asked = [ConfigResource(ConfigResourceType.TOPIC, name)]
    told = admin.describe_configs(asked, config_filter="all").get("topic", {}).get(name)
    if not told:
        raise Misconfigured(
            f"the broker gives this user no right to see what {name} is set to (DescribeConfigs): run this check with "
            "the login of an operator (docs/running.md, Who may do what on Kafka)"
        )
    return {setting: str(value["value"]) for setting, value in told.items()}


def differing(told: Mapping[str, Mapping[str, str]], topics: Topics) -> Iterator[TopicProblem]:
    """Topics that take less than may be sent to them."""
    for plan in topics.plan(partitions=0):
        has, wanted = told.get(plan.name, {}).get(_LARGEST, ""), plan.configs[_LARGEST]
        if _is_number(has) and int(has) < int(wanted):
            yield TopicProblem(plan.name, f"takes messages of {has} bytes, not of {wanted}", f"set {_LARGEST}={wanted}")


def too_few(told: Mapping[str, Mapping[str, str]], replicas: Mapping[str, int]) -> Iterator[TopicProblem]:
    """Topics with replicas, of which a confirmed record may stand on one alone; or none may be missing."""
    for name, configs in told.items():
        count, wanted = replicas[name], configs.get(_IN_SYNC)
        if wanted is None or not _is_number(wanted) or count < 2:
            continue
        if int(wanted) < 2:
            yield TopicProblem(name, f"has {_IN_SYNC}={wanted} of {count} replicas", f"set {_IN_SYNC}=2")
        elif int(wanted) >= count > 2:
            yield TopicProblem(name, f"has {_IN_SYNC}={wanted} of {count}: no broker may be away", f"set {_IN_SYNC}=2")


def isolation(settings: Connections) -> CheckResult:
    """Look for transactions that hold up what comes behind them: everything reads committed records alone."""
    topics = settings.topics
    with reader(settings.brokers) as consumer:
        named = (topics.clicks, topics.reviews, topics.items, topics.commands)
        partitions = [each for name in named for each in partitions_of(consumer, name)]
        stable = end_offsets(consumer, partitions)
    with closing(KafkaConsumer(**settings.brokers.of_kafka_python(), group_id=None)) as uncommitted:
        ends = uncommitted.end_offsets(partitions) if partitions else {}
    held = {f"{tp.topic}-{tp.partition}": ends[tp] - at for tp, at in stable.items() if ends[tp] > at}
    figures = {"held_up": held}
    if not held:
        return CheckResult(ok=True, found="committed records alone are read, no transaction is open", figures=figures)
    found = f"{sum(held.values())} records wait behind open transactions: {', '.join(sorted(held))}"
    do = "if they stay, find whose: kafka-transactions.sh find-hanging, then abort"
    return CheckResult(ok=True, found=found, do=do, figures=figures)


def _is_number(value: str) -> bool:
    return value.removeprefix("-").isdigit()
