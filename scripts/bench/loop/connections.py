"""Connections that are made only to be closed again."""

from __future__ import annotations

import asyncio

from echo import listen, serving
from work import Work

AT_ONCE = 10
ADDRESSES = 64  # of the loopback network: ports are not used up so fast


class Closing(asyncio.Protocol):
    """Closes when the client has, by the default of eof_received()."""


async def accept(line: str) -> str:
    listener, address = listen("tcp")
    serving.append(await asyncio.get_running_loop().create_server(Closing, sock=listener))
    return address


class Leaving(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = asyncio.get_running_loop().create_future()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(None)


port = 0


async def note_port(address: str) -> None:
    global port
    port = int(address)


async def connect_one_by_one(count: int) -> None:
    loop = asyncio.get_running_loop()
    for number in range(count):
        transport, protocol = await loop.create_connection(Leaving, f"127.0.0.{number % ADDRESSES + 1}", port)
        transport.close()
        await protocol.lost


async def connect(count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(connect_one_by_one(count // AT_ONCE))


SERVERS = {"accept": accept}
WORK = {"create_connection": Work(connect, AT_ONCE, note_port)}
