"""Driving a loop: step by step, or a whole program."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import tricorn

_T = TypeVar("_T")


def run_turn(loop: tricorn.Loop) -> None:
    """Exactly one turn."""
    loop.stop()
    loop.run_forever()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """asyncio.run() on our loop."""
    with asyncio.Runner(loop_factory=tricorn.new_event_loop) as runner:
        return runner.run(main)
