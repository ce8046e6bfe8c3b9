"""Protocols, servers and peers for the tests of TLS."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any


class Recorder(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.received = bytearray()
        self.told: list[str] = []
        self.lost: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> None:
        self.told.append("eof")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.told.append("lost")
        self.lost.set_result(exc)


class Echo(Recorder):
    """Sends back what comes."""

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@contextlib.asynccontextmanager
async def serving(context: ssl.SSLContext, factory: Callable[[], asyncio.BaseProtocol]) -> AsyncIterator[int]:
    """The port of a TLS server."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def connect(port: int, context: ssl.SSLContext, protocol: Recorder, **options: Any) -> Any:
    loop = asyncio.get_running_loop()
    options.setdefault("server_hostname", "localhost")
    transport, _ = await loop.create_connection(lambda: protocol, "127.0.0.1", port, ssl=context, **options)
    return transport


class BlockingTls:
    """TLS by hand over a blocking socket: what is encrypted leaves when it is pumped."""

    def __init__(self, context: ssl.SSLContext, sock: socket.socket, **options: Any) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._sock = sock
        self.tls = context.wrap_bio(self._incoming, self._outgoing, **options)

    def flush(self) -> None:
        self._sock.sendall(self._outgoing.read())

    def pump(self, call: Callable[[], Any]) -> Any:
        """`call()`, as often as it wants to read."""
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                self.flush()
                self._incoming.write(self._sock.recv(65536))


@contextlib.contextmanager
def peer(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A blocking server in a thread: the port. What `talk` raises is raised at the end."""
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(20)
                talk(accepted)
        except BaseException as failure:
            failures.append(failure)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20)
    for failure in failures:
        raise failure
