"""What several unit tests start from."""

import pytest

from tests.support.pipeline import Worker


@pytest.fixture
async def worker() -> Worker:
    """A worker on fakes that owns partition 0, the only one."""
    made = Worker()
    await made.claims(0)
    return made
