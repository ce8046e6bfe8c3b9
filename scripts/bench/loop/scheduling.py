"""Callbacks, timers and tasks: what a loop does without a file descriptor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from work import Work

BATCH = 10_000
CHAINS = 10
SLEEPERS = 100
CANCELLED_A_TURN = 100


def nothing() -> None:
    pass


async def nothing_async() -> None:
    pass


async def call_soon_batch(count: int) -> None:
    """10^4 callbacks are waiting at once."""
    loop = asyncio.get_running_loop()
    for _ in range(count // BATCH):
        done = loop.create_future()
        for _ in range(BATCH - 1):
            loop.call_soon(nothing)
        loop.call_soon(done.set_result, None)
        await done


def call_soon_chained(chains: int) -> Callable[[int], Coroutine[Any, Any, None]]:
    """So many callbacks a turn of the loop, each of which asks for itself again."""

    async def do(count: int) -> None:
        loop = asyncio.get_running_loop()
        call_soon = loop.call_soon
        done = loop.create_future()
        left = count

        def again() -> None:
            nonlocal left
            left -= 1
            if left >= chains:
                call_soon(again)
            elif left == 0:
                done.set_result(None)

        for _ in range(chains):
            call_soon(again)
        await done

    return do


async def call_later_cancel(count: int) -> None:
    """100 timers a turn that never fire, as timeouts do."""
    loop = asyncio.get_running_loop()
    for _ in range(count // CANCELLED_A_TURN):
        for _ in range(CANCELLED_A_TURN):
            loop.call_later(60, nothing).cancel()
        await asyncio.sleep(0)


async def call_later_fire(count: int) -> None:
    """10^4 timers at once, within 10 ms."""
    loop = asyncio.get_running_loop()
    for _ in range(count // BATCH):
        done = loop.create_future()
        left = BATCH

        def fired() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                done.set_result(None)  # noqa: B023 (all fire before the next batch)

        for number in range(BATCH):
            loop.call_later(number % 1000 / 100_000, fired)
        await done


async def sleep_zero(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def sleep_zero_many(count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(SLEEPERS):
            group.create_task(sleep_zero(count // SLEEPERS))


async def future_wake(count: int) -> None:
    """A task waits for a future that a callback of the same turn resolves."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future


async def create_task(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        await loop.create_task(nothing_async())


async def gather(count: int) -> None:
    for _ in range(count // BATCH):
        await asyncio.gather(*[nothing_async() for _ in range(BATCH)])


WORK = {
    "call_soon batch": Work(call_soon_batch, BATCH),
    "call_soon chained": Work(call_soon_chained(CHAINS), CHAINS),
    "call_soon alone": Work(call_soon_chained(1)),
    "call_later cancel": Work(call_later_cancel, CANCELLED_A_TURN),
    "call_later fire": Work(call_later_fire, BATCH),
    "sleep(0)": Work(sleep_zero),
    "sleep(0) many": Work(sleep_zero_many, SLEEPERS),
    "future wake": Work(future_wake),
    "create_task": Work(create_task),
    "gather": Work(gather, BATCH),
}
