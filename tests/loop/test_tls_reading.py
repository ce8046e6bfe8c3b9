"""What a protocol may do while it is given what TLS has read."""

import asyncio
import ssl
from typing import Any

import pytest

import tricorn

from loop.sockets import socket_pair
from loop.tls_peers import Recorder, connect, serving
from loop.turns import collecting, until

SIZE = 1000


class Sender(asyncio.Protocol):
    """Sends when it is told to."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(bytes(int(data)))


class Buffered(asyncio.BufferedProtocol):
    """Takes ten bytes at a time, and calls `on_first` with the first ones."""

    def __init__(self, on_first: Any) -> None:
        self.buffer = bytearray(10)
        self.received = 0
        self.on_first = on_first
        self.lost = False

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += nbytes
        if self.received == nbytes:
            self.on_first()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = True


@pytest.fixture
def sender(server_context: ssl.SSLContext) -> Any:
    return serving(server_context, Sender)


def test_a_buffered_protocol_hands_the_rest_over(
    loop: tricorn.Loop, sender: Any, client_context: ssl.SSLContext
) -> None:
    async def main() -> None:
        async with sender as port:
            plain = Recorder()
            buffered = Buffered(lambda: transport.set_protocol(plain))
            transport: Any = await connect(port, client_context, buffered)  # type: ignore[arg-type]
            transport.write(str(SIZE).encode())
            await until(lambda: len(plain.received) == SIZE - 10)
            assert buffered.received == 10
            transport.abort()
            await plain.lost

    loop.run_until_complete(main())


def test_nothing_more_comes_after_abort(loop: tricorn.Loop, sender: Any, client_context: ssl.SSLContext) -> None:
    async def main() -> None:
        async with sender as port:
            buffered = Buffered(lambda: transport.abort())
            transport: Any = await connect(port, client_context, buffered)  # type: ignore[arg-type]
            transport.write(str(SIZE).encode())
            await until(lambda: buffered.lost)
            assert buffered.received == 10

    loop.run_until_complete(main())


def test_what_comes_survives_python_code_that_reads_meanwhile(
    loop: tricorn.Loop, sender: Any, client_context: ssl.SSLContext
) -> None:
    """A collection of garbage, for instance, or another thread's loop that has its turn with it."""

    def read_something() -> None:
        pair[1].send(bytes(30_000))
        with pytest.raises(StopIteration):
            loop.sock_recv(pair[0], 65536).send(None)

    async def main() -> None:
        async with sender as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            for _ in range(20):
                transport.write(b"20000")
                await asyncio.sleep(0.005)
            await until(lambda: len(client.received) == 20 * 20_000)
            transport.abort()
            assert await client.lost is None

    with socket_pair() as pair, collecting(read_something):
        loop.run_until_complete(main())


def test_what_comes_survives_the_end_of_other_connections(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    """A finalizer that closes one has what came for it decrypted, and thrown away."""

    class Two(asyncio.Protocol):
        """Sends two records."""

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.writelines([data * 100])
            self.transport.write(data * 100)

    async def main() -> None:
        async with serving(server_context, Two) as port:
            others = [Recorder() for _ in range(50)]
            for other in others:
                (await connect(port, client_context, other)).pause_reading()
                other.transport.write(b"other")
            client = Recorder()
            transport = await connect(port, client_context, client)
            await until(lambda: all(other.transport.get_read_buffer_size() for other in others))
            closing = [other.transport for other in others]
            transport.write(b"own")
            with collecting(lambda: closing and closing.pop().close()):
                await until(lambda: len(client.received) >= 600)
            assert bytes(client.received) == b"own" * 200
            assert len(closing) < len(others)
            for it in (client, *others):
                it.transport.abort()
            await asyncio.wait([client.lost, *(other.lost for other in others)])

    loop.run_until_complete(main())
