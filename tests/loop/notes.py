"""A protocol that records what it is told, for tests of transports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Notes(asyncio.BaseProtocol):
    """Notes each call, and lets a test wait until something is true of the notes."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.lost: list[Exception | None] = []
        self.transport: Any = None
        self._changed = asyncio.Event()

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self._changed.set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._note("connection_made")

    def pause_writing(self) -> None:
        self._note("pause_writing")

    def resume_writing(self) -> None:
        self._note("resume_writing")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)
        self._note("connection_lost")

    async def until(self, condition: Callable[[], object]) -> None:
        """Return when the condition holds; it is looked at after each call."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()
