"""What tests of datagram endpoints share: a protocol that records what it is told, and sockets that fill up."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from loop.notes import Notes


class Recorder(Notes, asyncio.DatagramProtocol):
    """Notes what it is told of datagrams."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[tuple[bytes, Any]] = []
        self.errors: list[Exception] = []

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.append((data, addr))
        self._note("datagram_received")

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)
        self._note("error_received")

    async def datagrams(self, count: int) -> list[bytes]:
        """The first datagrams, when so many are there."""
        await self.until(lambda: len(self.received) >= count)
        return [data for data, _ in self.received[:count]]


class Echo(Recorder):
    """Sends back what it gets."""

    def datagram_received(self, data: bytes, addr: Any) -> None:
        super().datagram_received(data, addr)
        self.transport.sendto(data, addr)


async def open_endpoint(protocol: Recorder | None = None, **options: Any) -> tuple[Any, Any]:
    """create_datagram_endpoint() on the running loop."""
    made = protocol if protocol is not None else Recorder()
    return await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, **options)


async def open_local(protocol: Recorder | None = None) -> tuple[Any, Any]:
    """An endpoint bound to 127.0.0.1."""
    return await open_endpoint(protocol, local_addr=("127.0.0.1", 0))


def narrow_pair() -> tuple[socket.socket, socket.socket]:
    """Connected unix datagram sockets; the first takes a few KiB before it says that it would block."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    left.setblocking(False)
    right.setblocking(False)
    return left, right


def fill(transport: Any, size: int = 1024) -> int:
    """Send datagrams until one has to wait; how many were sent, without that one."""
    count = 0
    while transport.get_write_buffer_size() == 0:
        transport.sendto(count.to_bytes(4, "big") + bytes(size - 4))
        count += 1
    return count - 1


def drain(sock: socket.socket) -> list[bytes]:
    """All datagrams that are there."""
    taken = []
    while True:
        try:
            taken.append(sock.recv(65536))
        except BlockingIOError:
            return taken
