"""What the keys of one prefix are called (stream/store/redis.py says what stands under each)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Keyspace:
    """Names under a prefix. identities: topic -> the identity that its offsets are stored under.

    >>> Keyspace("penchant").user(3, "u1")
    '{penchant:3}:u:u1'
    """

    prefix: str
    identities: Mapping[str, str] = field(default_factory=dict)

    def of(self, partition: int | str, name: str) -> str:
        """A key of one partition; its hash tag is the partition's."""
        return f"{{{self.prefix}:{partition}}}:{name}"

    def user(self, partition: int, user_id: str) -> str:
        """The key of one user's record."""
        return self.of(partition, f"u:{user_id}")

    def common(self, name: str) -> str:
        """A key of no partition."""
        return f"{self.prefix}:{name}"

    def fields(self) -> dict[str, str]:
        """Topic -> the field of the offsets that its own stands in."""
        return {topic: f"{topic}@{identity}" for topic, identity in self.identities.items()}

    def patterns(self) -> tuple[str, str, str]:
        """Patterns of Redis: the users' records, all keys of partitions, all others."""
        prefix = "".join(f"\\{char}" if char in "*?[]\\^-" else char for char in self.prefix)
        return f"{{{prefix}:*}}:u:*", f"{{{prefix}:*", f"{prefix}:*"
