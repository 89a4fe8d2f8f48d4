"""Which of the broker's answers to a sent record are waited out: all that aiokafka says may be tried again."""

from aiokafka import errors

from stream.publish import TRANSIENT

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
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.KafkaError)]
    retriable = {each for each in kinds if each.retriable}
    assert errors.LeaderNotAvailableError in retriable, "the library marks them"
    assert retriable - ELSEWHERE <= set(TRANSIENT)
