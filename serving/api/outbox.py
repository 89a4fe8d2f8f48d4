"""Messages to the topics: checked as a whole, sent, and answered for once the broker has them."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import quote

from penchant.errors import BufferFull, Misconfigured, Unavailable
from penchant.messages import Click, Command, Review
from penchant.producer.event_producer import EventProducer
from penchant.producer.event_sender import Delivery
from serving.api.problems import Problem
from serving.connections import Connections

__all__ = ()

_log = logging.getLogger(__name__)
_AGAIN_S = 1.0
_CONFIRMED_WITHIN_S = 5.0  # whoever waits longer has given up
_LAST_S = 2.0  # for what is not confirmed as the process is told to stop
_SOURCE = "penchant-api"
_ONCE = "send the same again, with these ids: what had come before counts once"

Outgoing = Click | Review | Command


class Outbox:
    """For an `async with` block; connects by itself, once broker and topics are there. buffer_bytes: unconfirmed."""

    def __init__(self, settings: Connections, buffer_bytes: int) -> None:
        brokers, topics, key = settings.brokers, settings.topics, settings.commands_key
        settings.command_keys()  # so that a key that cannot be used is said as the API starts
        self._producer = EventProducer(
            brokers.servers,
            topics.prefix,
            source=_SOURCE,
            buffer_bytes=buffer_bytes,
            commands_key=key.get_secret_value() if key is not None else None,
            kafka=brokers.options,
        )
        self._problem = "the broker was not reached yet"
        self._connecting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._connecting = asyncio.create_task(self._connect())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        with suppress(Unavailable):  # who sent it was told that it is not confirmed
            await asyncio.to_thread(self._producer.close, _LAST_S)

    async def send(self, messages: Sequence[Outgoing], ids: Sequence[str], by: str = "") -> None:
        """Send all, and wait until the broker has them. Raises Problem: some of them may have come, then.

        by: the name of the API's key that was sent with them; commands say it as their source.
        """
        if self._problem:
            raise _later("not_ready", f"nothing can be sent yet: {self._problem}", ids)
        try:
            sent = await asyncio.to_thread(self._hand_over, messages, by)  # which may wait for the broker
            async with asyncio.timeout(_CONFIRMED_WITHIN_S):
                await asyncio.gather(*map(asyncio.wrap_future, sent))
        except BufferFull as error:
            raise _later("buffer_full", str(error), ids) from None
        except TimeoutError:
            raise _later(
                "not_confirmed", f"the broker has not confirmed it in {_CONFIRMED_WITHIN_S:g} s", ids
            ) from None
        except Unavailable as error:
            with suppress(Unavailable):
                self._producer.flush(0.0)  # it keeps what failed until somebody asks
            raise _later("not_confirmed", str(error), ids) from None

    def _hand_over(self, messages: Sequence[Outgoing], by: str) -> list[Future[Delivery]]:
        source = f"{_SOURCE}/{quote(by, safe='')}" if by else _SOURCE
        return [self._producer.send(each, source if isinstance(each, Command) else None) for each in messages]

    async def _connect(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._producer.start)
            except (Unavailable, Misconfigured) as error:
                self._problem = str(error)
            except Exception as error:  # noqa: BLE001 - a client's own, which passes
                _log.exception("the producer could not be started")
                self._problem = str(error) or type(error).__name__
            else:
                self._problem = ""
                return
            await asyncio.sleep(_AGAIN_S)


def _later(reason: str, detail: str, ids: Sequence[str]) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, reason, f"{detail}; {_ONCE}", ids=ids)
