"""What a loop is given to do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Work:
    """`do(count)`: that many operations, a multiple of `batch`. `prepare(address)`: once, before."""

    do: Callable[[int], Coroutine[Any, Any, None]]
    batch: int = 1
    prepare: Callable[..., Coroutine[Any, Any, None]] | None = None
