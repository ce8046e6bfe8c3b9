"""How TLS connections end."""

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import threading
import time
import warnings
import weakref
from typing import Any

import pytest

import tricorn

from loop.tls_peers import BlockingTls, Echo, Recorder, connect, peer, serving
from loop.turns import until, without_collector


def test_close_sends_what_was_written(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    received = bytearray()

    def talk(sock: socket.socket) -> None:
        with server_context.wrap_socket(sock, server_side=True) as tls:
            time.sleep(0.05)
            while data := tls.recv(65536):
                received.extend(data)

    async def main(port: int) -> None:
        client = Recorder()
        transport = await connect(port, client_context, client)
        transport.write(bytes(5_000_000))
        transport.close()
        transport.write(b"too late")
        await client.lost

    with peer(talk) as port:
        loop.run_until_complete(main(port))
    assert received == bytes(5_000_000)


@pytest.mark.parametrize("paused", [False, True])
def test_what_crosses_our_close_notify_is_no_error(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext, paused: bool
) -> None:
    """Nor is it handed on, and the peer's own close_notify is still awaited (CPython's issue 84132)."""

    def talk(sock: socket.socket) -> None:
        server = BlockingTls(server_context, sock, server_side=True)
        server.pump(server.tls.do_handshake)
        closed.wait(20)
        for _ in range(3):
            server.tls.write(bytes(16384))
            server.flush()
            time.sleep(0.01)
        server.pump(lambda: server.tls.read(1))
        server.pump(server.tls.unwrap)
        server.flush()
        assert sock.recv(1) == b""

    async def main(port: int) -> None:
        client = Recorder()
        transport = await connect(port, client_context, client)
        if paused:
            transport.pause_reading()
        transport.close()
        closed.set()
        assert await asyncio.wait_for(client.lost, 20) is None
        assert not client.received
        assert client.told == ["made", "eof", "lost"]

    closed = threading.Event()
    with peer(talk) as port:
        loop.run_until_complete(main(port))


@pytest.mark.parametrize("debug", [False, True])
def test_close_ends_a_download(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext, debug: bool
) -> None:
    """What the peer goes on sending after close() is neither read to its end nor handed on."""
    loop.set_debug(debug)

    def talk(sock: socket.socket) -> None:
        tls = server_context.wrap_socket(sock, server_side=True)
        with contextlib.suppress(OSError):
            while True:
                tls.sendall(bytes(100_000))

    async def main(port: int) -> None:
        client = Recorder()
        transport = await connect(port, client_context, client)
        await until(lambda: len(client.received) > 200_000)
        transport.close()
        size = len(client.received)
        await asyncio.wait_for(client.lost, 20)
        assert len(client.received) == size

    with peer(talk) as port:
        loop.run_until_complete(main(port))


def test_end_with_close_notify(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    def talk(sock: socket.socket) -> None:
        tls = server_context.wrap_socket(sock, server_side=True)
        tls.sendall(b"last words")
        tls.unwrap().close()

    async def main(port: int) -> None:
        client = Recorder()
        await connect(port, client_context, client)
        assert await client.lost is None
        assert client.received == b"last words"
        assert client.told == ["made", "eof", "lost"]

    with peer(talk) as port:
        loop.run_until_complete(main(port))


def test_end_without_close_notify(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    def talk(sock: socket.socket) -> None:
        tls = server_context.wrap_socket(sock, server_side=True)
        tls.sendall(b"last words")
        tls.recv(4)
        os.close(tls.detach())

    async def main(port: int) -> None:
        client = Recorder()
        transport = await connect(port, client_context, client)
        transport.write(b"over")
        await client.lost
        assert client.received == b"last words"
        assert client.told == ["made", "eof", "lost"]

    with peer(talk) as port:
        loop.run_until_complete(main(port))


def test_close_of_a_paused_reader_whose_peer_has_gone(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    async def main() -> None:
        servers: list[Recorder] = []

        def make() -> Recorder:
            servers.append(Recorder())
            return servers[-1]

        async with serving(server_context, make) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            transport.pause_reading()
            await until(lambda: servers and servers[0].told)
            servers[0].transport.write(b"unread")
            await asyncio.sleep(0.02)
            servers[0].transport.abort()
            await asyncio.sleep(0.02)
            assert "lost" not in client.told
            transport.close()
            await asyncio.wait_for(client.lost, 20)
            assert not client.received

    loop.run_until_complete(main())


def test_abort(loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    async def main() -> None:
        async with serving(server_context, Echo) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            transport.write(b"x")
            transport.abort()
            transport.abort()
            assert transport.is_closing() and "lost" not in client.told
            assert await client.lost is None
            assert client.told.count("lost") == 1
            transport.close()

    loop.run_until_complete(main())


def test_shutdown_timeout(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    done = threading.Event()

    def talk(sock: socket.socket) -> None:
        with server_context.wrap_socket(sock, server_side=True):
            done.wait(20)

    async def main(port: int) -> None:
        client = Recorder()
        transport = await connect(port, client_context, client, ssl_shutdown_timeout=0.05)
        transport.close()
        error = await asyncio.wait_for(client.lost, 20)
        assert isinstance(error, TimeoutError) and str(error) == "SSL shutdown timed out"
        done.set()

    with peer(talk) as port:
        loop.run_until_complete(main(port))


def test_shutdown_timeout_of_a_peer_that_says_goodbye_but_does_not_read(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    done = threading.Event()

    def talk(sock: socket.socket) -> None:
        server = BlockingTls(server_context, sock, server_side=True)
        server.pump(server.tls.do_handshake)
        server.flush()
        with pytest.raises(ssl.SSLError):  # it wants close_notify, and may have got what the client writes
            server.tls.unwrap()
        server.flush()
        done.wait(20)

    async def main(port: int) -> None:
        client = Recorder()
        transport = await connect(port, client_context, client, ssl_shutdown_timeout=0.05)
        transport.write(bytes(20_000_000))
        error = await asyncio.wait_for(client.lost, 20)
        assert isinstance(error, TimeoutError) and str(error) == "SSL shutdown timed out"
        done.set()

    with peer(talk) as port:
        loop.run_until_complete(main(port))


def test_what_is_closed_is_freed_without_the_collector(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    class Forgetful(Recorder):
        def connection_lost(self, exc: BaseException | None) -> None:
            super().connection_lost(exc)
            self.transport = None

    async def main() -> list[weakref.ref[Any]]:
        async with serving(server_context, Echo) as port:
            client = Forgetful()
            transport = await connect(port, client_context, client)
            transport.write(b"x")
            await until(lambda: client.received)
            transport.close()
            await client.lost
            return [weakref.ref(client), weakref.ref(transport), weakref.ref(transport.get_extra_info("ssl_object"))]

    gc.collect()
    with without_collector():
        references = loop.run_until_complete(main())
        loop.run_until_complete(asyncio.sleep(0))
        assert [reference() for reference in references] == [None, None, None]


def test_unclosed_connections_are_told_of(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    loop = tricorn.new_event_loop()

    async def main() -> None:
        async with serving(server_context, Echo) as port:
            await connect(port, client_context, Recorder())

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop.run_until_complete(main())
        loop.close()
        gc.collect()
    assert any("unclosed transport <SSLTransport" in str(warning.message) for warning in caught)


def test_a_loop_that_is_dropped_during_a_handshake_is_garbage(client_context: ssl.SSLContext) -> None:
    loop = tricorn.new_event_loop()
    over = threading.Event()

    async def main(port: int) -> None:
        connecting = asyncio.create_task(connect(port, client_context, Recorder()))
        await asyncio.sleep(0.05)
        assert not connecting.done()

    def talk(sock: socket.socket) -> None:
        over.wait(20)

    with peer(talk) as port, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        loop.run_until_complete(main(port))
        alive = weakref.ref(loop)
        del loop
        gc.collect()
        over.set()
    assert alive() is None


def test_a_connection_that_is_closed_after_its_loop_goes_at_once(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    loop = tricorn.new_event_loop()

    async def main(port: int) -> Any:
        return await connect(port, client_context, Recorder())

    def talk(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), server_context.wrap_socket(sock, server_side=True) as tls:
            tls.recv(1)

    with peer(talk) as port:
        transport = loop.run_until_complete(main(port))
        sock = transport.get_extra_info("socket")
        loop.close()
        transport.close()
        assert sock.fileno() == -1
        kept = weakref.ref(transport)
        del transport, loop
        gc.collect()
        assert kept() is None
