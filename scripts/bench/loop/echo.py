"""Echo servers, by every interface that asyncio has: a line is "tcp protocol", "tls streams", "unix sock" and so on."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

READ_SIZE = 100 * 1024
BUFFER_SIZE = 256 * 1024
BACKLOG = 128


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


class BufferedEcho(asyncio.BufferedProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._buffer = memoryview(bytearray(BUFFER_SIZE))

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._transport.get_write_buffer_size():  # the transport still has it
            self._buffer = memoryview(bytearray(BUFFER_SIZE))
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._transport.write(self._buffer[:nbytes])


class DatagramEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data, addr)


async def echo_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(READ_SIZE):
        writer.write(data)
        await writer.drain()
    writer.close()


async def echo_socket(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with connection:
        while data := await loop.sock_recv(connection, READ_SIZE):
            await loop.sock_sendall(connection, data)


async def accept_sockets(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    tasks = set()
    while True:
        connection, _ = await loop.sock_accept(listener)
        connection.setblocking(False)
        if connection.family == socket.AF_INET:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = loop.create_task(echo_socket(connection))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def listen(kind: str) -> tuple[socket.socket, str]:
    """A listener, and the address for the load."""
    if kind == "unix":
        listener = socket.socket(socket.AF_UNIX)
        path = str(Path(os.environ.get("BENCH_FOLDER", tempfile.gettempdir())) / f"echo-{os.getpid()}")
        listener.bind(path)
        address = f"unix:{path}"
    else:
        # asyncio sets TCP_NODELAY only where the protocol is named.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        address = f"{kind}:{listener.getsockname()[1]}"
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener, address


def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["BENCH_CERTIFICATE"])
    return context


async def serve_connections(line: str) -> str:
    kind, interface = line.split()
    loop = asyncio.get_running_loop()
    listener, address = listen(kind)
    tls = tls_context() if kind == "tls" else None
    if interface == "sock":
        accepting.add(loop.create_task(accept_sockets(listener)))
        return address
    if interface == "streams":
        start = asyncio.start_unix_server if kind == "unix" else asyncio.start_server
        serving.append(await start(echo_stream, sock=listener, ssl=tls))
        return address
    protocol = {"protocol": Echo, "buffered": BufferedEcho}[interface]
    create = loop.create_unix_server if kind == "unix" else loop.create_server
    serving.append(await create(protocol, sock=listener, ssl=tls))
    return address


async def serve_datagrams(line: str) -> str:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(DatagramEcho, local_addr=("127.0.0.1", 0))
    return f"udp:{transport.get_extra_info('sockname')[1]}"


accepting: set[asyncio.Task[None]] = set()
serving: list[asyncio.AbstractServer] = []  # kept, as long as the process lives
SERVERS: dict[str, Callable[[str], Awaitable[str]]] = {
    **{f"{kind} {interface}": serve_connections for kind in ("tcp", "unix") for interface in ("protocol", "buffered", "streams", "sock")},
    **{f"tls {interface}": serve_connections for interface in ("protocol", "buffered", "streams")},
    "udp protocol": serve_datagrams,
}
