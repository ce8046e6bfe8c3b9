"""start_tls(): TLS from the middle of a connection on."""

import asyncio
import socket
import ssl
import threading

import pytest

import tricorn
from tricorn import _tricorn

from loop.tls_peers import BlockingTls, Echo, Recorder, peer, serving
from loop.turns import until


def test_streams_start_tls(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.drain()
        await writer.start_tls(server_context)
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go\n"
        await writer.start_tls(client_context, server_hostname="localhost")
        assert type(writer.transport) is _tricorn.SSLTransport
        writer.write(b"secret\n")
        assert await reader.readline() == b"secret\n"
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()

    loop.run_until_complete(main())


def test_streams_start_tls_after_the_client_has_begun(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    """The start of the handshake waits in the StreamReader by then. https://github.com/python/cpython/issues/142352"""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until(lambda: len(reader._buffer) > 0)  # type: ignore[attr-defined]
        await writer.start_tls(server_context)
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.wait_for(writer.start_tls(client_context, server_hostname="localhost"), 20)
        writer.write(b"secret\n")
        assert await reader.read() == b"secret\n"
        writer.close()
        await writer.wait_closed()
        server.close()

    loop.run_until_complete(main())


def test_start_tls_calls_no_connection_made(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    async def main() -> None:
        async with serving(server_context, Echo) as port:
            client = Recorder()
            plain, _ = await loop.create_connection(lambda: client, "127.0.0.1", port)
            transport = await loop.start_tls(plain, client, client_context, server_hostname="localhost")
            assert client.told == ["made"] and client.transport is plain
            transport.write(b"x")
            await until(lambda: client.received == b"x")
            transport.close()
            assert await client.lost is None

    loop.run_until_complete(main())


def test_data_come_after_who_awaits_start_tls_has_the_transport(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    """Even when the client's first words come with its last of the handshake."""

    class Upgrading(Recorder):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.upgrade = asyncio.get_running_loop().create_task(self.start_tls())

        async def start_tls(self) -> None:
            self.transport = await loop.start_tls(self.transport, self, server_context, server_side=True)

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    def talk(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            client = BlockingTls(client_context, sock, server_hostname="localhost")
            client.pump(client.tls.do_handshake)
            client.tls.write(b"hello")
            return bytes(client.pump(lambda: client.tls.read(100)))

    async def main() -> None:
        server = await loop.create_server(Upgrading, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert await asyncio.to_thread(talk, port) == b"hello"
        server.close()

    loop.run_until_complete(main())


def test_start_tls_given_up(loop: tricorn.Loop, client_context: ssl.SSLContext) -> None:
    done = threading.Event()

    async def main(port: int) -> None:
        client = Recorder()
        plain, _ = await loop.create_connection(lambda: client, "127.0.0.1", port)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.start_tls(plain, client, client_context, server_hostname="localhost"), 0.05)
        await asyncio.wait_for(client.lost, 20)
        done.set()

    with peer(lambda sock: done.wait(20) and None) as port:
        loop.run_until_complete(main(port))


def test_start_tls_of_closed_transport(loop: tricorn.Loop, client_context: ssl.SSLContext) -> None:
    async def main(port: int) -> None:
        client = Recorder()
        plain, _ = await loop.create_connection(lambda: client, "127.0.0.1", port)
        plain.close()
        with pytest.raises(ConnectionAbortedError):
            await loop.start_tls(plain, client, client_context, server_hostname="localhost")

    with peer(lambda sock: sock.recv(1) and None) as port:
        loop.run_until_complete(main(port))


def test_start_tls_refuses_what_is_no_context(loop: tricorn.Loop, server_context: ssl.SSLContext) -> None:
    async def main() -> None:
        async with serving(server_context, Echo) as port:
            client = Recorder()
            plain, _ = await loop.create_connection(lambda: client, "127.0.0.1", port)
            with pytest.raises(TypeError, match="sslcontext is expected to be an instance of ssl.SSLContext"):
                await loop.start_tls(plain, client, None)  # type: ignore[arg-type]
            plain.close()
            await client.lost

    loop.run_until_complete(main())


def test_tls_in_tls(loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"go\n")
        await writer.drain()
        await writer.start_tls(server_context)
        writer.write(await reader.readline())
        await writer.drain()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address, ssl=client_context, server_hostname="localhost")
        assert await reader.readline() == b"go\n"
        await writer.start_tls(client_context, server_hostname="localhost")
        writer.write(b"twice secret\n")
        assert await reader.readline() == b"twice secret\n"
        writer.transport.abort()
        server.close()

    loop.run_until_complete(main())
