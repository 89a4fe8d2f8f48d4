"""What several unit tests start from."""

from pathlib import Path

import pytest

from tests.support.folders import make_folder
from tests.support.pipeline import FakeWorker


@pytest.fixture
async def worker() -> FakeWorker:
    """A worker on fakes that owns partition 0, the only one."""
    made = FakeWorker()
    await made.acquires(0)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole model folder."""
    return make_folder(tmp_path / "model")
