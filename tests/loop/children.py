"""Subprocesses for the tests: protocols that take notes, short ways to run a program, what is left of it."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
SLEEP = ("/bin/sleep", "600")


class Recorder(asyncio.SubprocessProtocol):
    """Notes each call; `lost` is done after connection_lost()."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.calls.append((fd, data))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self.calls.append((fd, exc))

    def process_exited(self) -> None:
        self.calls.append("exited")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")
        self.lost.set_result(None)


async def record(*program: str, **keywords: Any) -> tuple[Any, Recorder]:
    """A child with a Recorder; no pipes unless asked for."""
    pipes = {"stdin": None, "stdout": None, "stderr": None}
    return await asyncio.get_running_loop().subprocess_exec(Recorder, *program, **(pipes | keywords))


async def output_of(*program: str, **keywords: Any) -> bytes:
    """What it writes to stdout."""
    child = await asyncio.create_subprocess_exec(*program, stdout=PIPE, **keywords)
    return (await child.communicate())[0]


async def status_of(script: str, **keywords: Any) -> int:
    """How a shell script ends."""
    return await (await asyncio.create_subprocess_shell(script, **keywords)).wait()


def is_alive(pid: int) -> bool:
    """Whether the process exists, as a zombie or not."""
    return Path(f"/proc/{pid}").exists()


def open_descriptors() -> set[str]:
    """Of this process."""
    return set(os.listdir("/proc/self/fd"))
