"""Which of the broker's answers to a sent record are waited out: all that aiokafka says may be tried again."""

from typing import Any

from aiokafka import errors

from stream.kafka.producer import TRANSIENT

# Of groups and administration, of the client's own beginnings, and bases of others: no answer to a sent record.
ELSEWHERE = {
    errors.Cancelled,
    errors.CoordinatorLoadInProgressError,
    errors.CoordinatorNotAvailableError,
    errors.CorrelationIdError,
    errors.GroupCoordinatorNotAvailableError,
    errors.GroupLoadInProgressError,
    errors.KafkaProtocolError,
    errors.MetadataEmptyBrokerList,
    errors.NoBrokersAvailable,
    errors.NotControllerError,
    errors.NotCoordinatorError,
    errors.NotCoordinatorForGroupError,
    errors.StaleMetadata,
    errors.TooManyInFlightRequests,
}


def test_what_may_be_tried_again_is() -> None:
    kinds: list[Any] = [each for each in vars(errors).values() if isinstance(each, type)]
    retriable = {each for each in kinds if issubclass(each, errors.KafkaError) and each.retriable}
    assert errors.LeaderNotAvailableError in retriable, "the library marks them"
    assert retriable - ELSEWHERE <= set(TRANSIENT)
