"""Driving a loop: step by step, or a whole program."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import tricorn

_T = TypeVar("_T")


def run_turn(loop: tricorn.Loop) -> None:
    """Exactly one turn."""
    loop.stop()
    loop.run_forever()


def in_loop(loop: tricorn.Loop, call: Callable[[], object]) -> None:
    """Call it from a turn, where no task is current."""
    loop.call_soon(call)
    run_turn(loop)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """asyncio.run() on our loop."""
    with asyncio.Runner(loop_factory=tricorn.new_event_loop) as runner:
        return runner.run(main)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


@contextmanager
def without_collector() -> Iterator[None]:
    """What is freed meanwhile was no cycle."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def collecting(call: Callable[[], object]) -> Iterator[None]:
    """Collects garbage at every chance, and calls this each time: like a finalizer that runs in the middle of native code."""

    def notice(phase: str, _: object) -> None:
        if phase == "start":
            call()

    thresholds = gc.get_threshold()
    gc.callbacks.append(notice)
    gc.set_threshold(1, 1_000_000, 1_000_000)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(notice)
