"""What a loop asks of the system: processes, names."""

from __future__ import annotations

import asyncio
import socket

from work import Work


async def spawn(count: int) -> None:
    for _ in range(count):
        process = await asyncio.create_subprocess_exec("/bin/true")
        if await process.wait() != 0:
            raise RuntimeError("/bin/true failed")


def resolve(name: str) -> Work:
    async def do(count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            await loop.getaddrinfo(name, 80, type=socket.SOCK_STREAM)

    return Work(do)


WORK = {
    "subprocess": Work(spawn),
    "getaddrinfo literal": resolve("127.0.0.1"),
    "getaddrinfo localhost": resolve("localhost"),
}
