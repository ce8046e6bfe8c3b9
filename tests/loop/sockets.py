"""Sockets for tests of a loop's sock_* methods."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

Pair = tuple[socket.socket, socket.socket]


@contextmanager
def socket_pair(kind: socket.SocketKind = socket.SOCK_STREAM) -> Iterator[Pair]:
    """Two non-blocking sockets that are connected to each other."""
    left, right = socket.socketpair(socket.AF_UNIX, kind)
    left.setblocking(False)
    right.setblocking(False)
    with left, right:
        yield left, right


@contextmanager
def bound_socket(kind: socket.SocketKind, family: socket.AddressFamily = socket.AF_INET) -> Iterator[socket.socket]:
    """A non-blocking socket with an address on this machine; one for streams listens."""
    with socket.socket(family, kind) as sock:
        sock.setblocking(False)
        sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        yield sock


def fill(sock: socket.socket) -> int:
    """Send until the socket takes no more: how much that was."""
    sent = 0
    try:
        while True:
            sent += sock.send(bytes(65536))
    except BlockingIOError:
        return sent


def read_all(sock: socket.socket) -> int:
    """Receive what is there: how much that was."""
    count = 0
    try:
        while data := sock.recv(1 << 20):
            count += len(data)
    except BlockingIOError:
        pass
    return count


async def wait_in_turn(*operations: object) -> list[asyncio.Task[object]]:
    """Tasks of the operations, each of which has begun to wait."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(operation) for operation in operations]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    return tasks
