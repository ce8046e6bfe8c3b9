"""What tests of pipes share: a protocol that records what it is told, and pipes connected to it."""

from __future__ import annotations

import asyncio
import io
import os
import socket
from typing import Any

from loop.notes import Notes


class Recorder(Notes, asyncio.Protocol):
    """Notes what it is told of a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._note("data_received")

    def eof_received(self) -> None:
        self._note("eof_received")


def file_of(fd: int, mode: str) -> io.FileIO:
    return io.FileIO(fd, mode)


async def read_pipe(fd: int, protocol: Recorder | None = None) -> tuple[Any, Any]:
    made = protocol if protocol is not None else Recorder()
    return await asyncio.get_running_loop().connect_read_pipe(lambda: made, file_of(fd, "rb"))


async def write_pipe(fd: int, protocol: Recorder | None = None) -> tuple[Any, Any]:
    made = protocol if protocol is not None else Recorder()
    return await asyncio.get_running_loop().connect_write_pipe(lambda: made, file_of(fd, "wb"))


def make_ends(kind: str) -> tuple[int, int]:
    """What is written to the second can be read from the first."""
    if kind == "pipe":
        return os.pipe()
    left, right = socket.socketpair()
    return left.detach(), right.detach()
