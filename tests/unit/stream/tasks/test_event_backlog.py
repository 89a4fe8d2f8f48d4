"""Whether events wait is told by batches that are full."""

from stream.tasks.event_backlog import EventBacklog
from stream.testing import TOPICS, record

ONE = record(TOPICS.clicks, {})


def test_events_wait_while_batches_are_full() -> None:
    backlog = EventBacklog(3)
    assert not backlog.stands()
    backlog.look([ONE] * 3)
    assert backlog.stands()
    backlog.look([ONE] * 2)
    assert not backlog.stands()


def test_batches_of_one_say_nothing() -> None:
    backlog = EventBacklog(1)
    backlog.look([ONE])
    assert not backlog.stands()
