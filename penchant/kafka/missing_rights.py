"""Rights that a broker's authoriser does not give, in words, whichever client library tells of them. No I/O."""

from collections.abc import Iterable

__all__ = ["DESCRIBE_REFUSED", "ROLES", "missing_right", "unseen"]

DESCRIBE_REFUSED = 29  # TOPIC_AUTHORIZATION_FAILED, as metadata tell it of a topic
ROLES = "give it those of its role (docs/running.md, Who may do what on Kafka)"
# By what stands in the names of both libraries' errors, which also stand within the text of others.
_OF = {
    "TopicAuthorizationFailed": "to a topic",
    "GroupAuthorizationFailed": "to the workers' group",
    # An idempotent producer that may write to no topic at all is told so, too.
    "ClusterAuthorizationFailed": "to the cluster, or to write to any topic",
}


def missing_right(error: BaseException) -> str | None:
    """What the user may not do; None if the error is another."""
    text = f"{type(error).__name__} {error}"
    for name, what in _OF.items():
        if name in text:
            return f"the broker gives this user no right {what} ({error}): {ROLES}"
    return None


def unseen(topics: Iterable[str]) -> str:
    """That the user may not even see some topics."""
    return f"the broker gives this user no right to see {', '.join(topics)}: {ROLES}"
