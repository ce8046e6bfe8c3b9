"""Transports over objects of a class of one's own: its methods are called, as by asyncio's transports."""

import socket
import ssl
from typing import Any

import pytest

import tricorn

from loop.tls_peers import Echo, Recorder, serving
from loop.turns import until


class Counting(socket.socket):
    """Knows what went through its methods."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent = 0
        self.received = 0

    def send(self, data: Any, flags: int = 0) -> int:
        count = super().send(data, flags)
        self.sent += count
        return count

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = super().recv(size, flags)
        self.received += len(data)
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        count = super().recv_into(buffer, size, flags)
        self.received += count
        return count


def counting(port: int) -> Counting:
    sock = Counting()
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


@pytest.mark.parametrize("size", [5, 1_000_000])
def test_a_plain_connection(loop: tricorn.Loop, size: int) -> None:
    async def main() -> None:
        server = await loop.create_server(Echo, "127.0.0.1", 0)
        sock = counting(server.sockets[0].getsockname()[1])
        client = Recorder()
        transport, _ = await loop.create_connection(lambda: client, sock=sock)
        transport.write(bytes(size))
        await until(lambda: len(client.received) == size)
        assert (sock.sent, sock.received) == (size, size)
        transport.close()
        assert await client.lost is None
        assert sock.fileno() == -1
        server.close()

    loop.run_until_complete(main())


@pytest.mark.parametrize("later", [False, True])
def test_tls(loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext, later: bool) -> None:
    async def main() -> None:
        async with serving(server_context, Echo) as port:
            sock = counting(port)
            client = Recorder()
            if later:
                plain, _ = await loop.create_connection(lambda: client, sock=sock)
                transport: Any = await loop.start_tls(plain, client, client_context, server_hostname="localhost")
            else:
                transport, _ = await loop.create_connection(
                    lambda: client, sock=sock, ssl=client_context, server_hostname="localhost"
                )
            transport.write(b"x" * 1000)
            await until(lambda: len(client.received) == 1000)
            assert sock.sent > 1000 and sock.received > 1000
            transport.close()
            await client.lost

    loop.run_until_complete(main())


def test_an_accepted_socket(loop: tricorn.Loop) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sock = counting(listener.getsockname()[1])
            peer, _ = listener.accept()
        with peer:
            transport, _ = await loop.connect_accepted_socket(Echo, sock)
            peer.setblocking(False)
            await loop.sock_sendall(peer, b"hello")
            assert await loop.sock_recv(peer, 100) == b"hello"
            assert (sock.sent, sock.received) == (5, 5)
            transport.abort()

    loop.run_until_complete(main())
