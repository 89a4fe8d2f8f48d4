"""Who is in the workers' group, and whether we may be."""

from penchant.errors import Misconfigured, Unavailable
from penchant.kafka.missing_rights import missing_right
from serving.kafka.brokers import Brokers

__all__ = ["group_members"]

_REFUSED = 30  # GROUP_AUTHORIZATION_FAILED


async def group_members(brokers: Brokers, group: str) -> int:
    """How many members a consumer group has; 0 if the broker does not know it. Raises Unavailable, and Misconfigured.

    Through aiokafka: kafka-python 3.0 asks for the rights to the group too, and fails at the embedded broker's answer.
    """
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError, KafkaError

    client = AIOKafkaAdminClient(**brokers.of_aiokafka())
    try:
        await client.start()
        answers = await client.describe_consumer_groups([group])
        told = [each for answer in answers for each in answer.to_object()["groups"]]
        if any(each["error_code"] == _REFUSED for each in told):
            raise GroupAuthorizationFailedError(group)
    except GroupCoordinatorNotAvailableError:  # no group has ever been here: Kafka makes its offsets topic on demand
        return 0
    except (KafkaError, OSError) as error:
        if (refused := missing_right(error)) is not None:
            raise Misconfigured(refused) from error
        raise Unavailable(f"the broker at {brokers} does not tell who is in the group {group} ({error})") from error
    finally:
        await client.close()
    return sum(len(each["members"]) for each in told)
