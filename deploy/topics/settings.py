"""Where topics that are there have other settings than `topics create` gives them, and setting those."""

from collections.abc import Iterable
from typing import NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from penchant.topics import Plan

__all__ = ()


class OtherSetting(NamedTuple):
    """A topic's setting that is not as planned."""

    topic: str
    setting: str
    found: str
    planned: str

    def __str__(self) -> str:
        return f"{self.topic} has {self.setting}={self.found}, not {self.planned}"


def other_settings(admin: KafkaAdminClient, plans: Iterable[Plan]) -> list[OtherSetting]:
    """Compare topics that are there with their plans; a setting that the broker does not tell is left aside."""
    by_name = {plan.name: plan for plan in plans}
    if not by_name:
        return []
    told = admin.describe_configs([_topic(name) for name in by_name], config_filter="all").get("topic", {})
    found = {name: {setting: str(each["value"]) for setting, each in told.get(name, {}).items()} for name in by_name}
    return [
        OtherSetting(name, setting, found[name][setting], planned)
        for name, plan in by_name.items()
        for setting, planned in plan.configs.items()
        if setting in found[name] and _plain(found[name][setting]) != _plain(planned)
    ]


def align(admin: KafkaAdminClient, others: Iterable[OtherSetting]) -> None:
    """Give topics the planned settings; what else is set on them stays."""
    wanted: dict[str, dict[str, str]] = {}
    for each in others:
        wanted.setdefault(each.topic, {})[each.setting] = each.planned
    if wanted:
        admin.alter_configs([_topic(name, configs) for name, configs in wanted.items()])


def _topic(name: str, configs: dict[str, str] | None = None) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, name, configs)


def _plain(value: str) -> list[str]:
    """Kafka tells a list in any order."""
    return sorted(value.split(","))
