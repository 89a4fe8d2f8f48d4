"""Workers asked for their /metrics, all at once."""

import asyncio
import time
from collections.abc import Sequence

import aiohttp

from penchant.times import rfc3339
from serving.api.operator.worker_counts import Workers, WorkerState, counted, samples_of

__all__ = ()

_PATIENCE = aiohttp.ClientTimeout(total=2.0)


async def ask_workers(addresses: Sequence[str]) -> Workers:
    """Those that do not answer in 2 s are named with why."""
    async with aiohttp.ClientSession(timeout=_PATIENCE) as session:
        told = await asyncio.gather(*(_ask(session, address) for address in addresses))
    found = [samples_of(exposition) for exposition, _ in told if exposition is not None]
    states = [WorkerState(address, problem) for address, (_, problem) in zip(addresses, told, strict=True)]
    return Workers(rfc3339(time.time_ns() // 1_000_000), states, counted(found) if found else None)


async def _ask(session: aiohttp.ClientSession, address: str) -> tuple[str | None, str]:
    try:
        async with session.get(f"{address}/metrics") as answer:
            if answer.status == 200:
                return await answer.text(), ""
            return None, f"it answers with {answer.status}"
    except TimeoutError:
        return None, "it does not answer in 2 s"
    except (aiohttp.ClientError, ValueError) as error:
        return None, str(error) or type(error).__name__
