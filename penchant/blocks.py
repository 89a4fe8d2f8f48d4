"""What is started and closed by a `with` or an `async with` block."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

__all__ = ["Block"]


class Block(ABC):
    """Starting and closing may take a while: an `async with` block does both in another thread."""

    @abstractmethod
    def start(self) -> Self:
        """Begin."""

    @abstractmethod
    def close(self) -> None:
        """End."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)
