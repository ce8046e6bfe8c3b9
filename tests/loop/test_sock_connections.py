"""sock_connect and sock_accept."""

import asyncio
import errno
import socket
from pathlib import Path

import pytest

from loop.sockets import bound_socket
from loop.turns import run


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_connect_and_accept(family: socket.AddressFamily) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with bound_socket(socket.SOCK_STREAM, family) as listener, socket.socket(family) as client:
            client.setblocking(False)
            accepting = loop.create_task(loop.sock_accept(listener))
            await asyncio.sleep(0)
            await loop.sock_connect(client, listener.getsockname()[:2])
            connection, address = await accepting
            with connection:
                assert type(connection) is socket.socket
                assert address == client.getsockname()
                assert connection.gettimeout() == 0
                assert (connection.family, connection.type, connection.proto) == (family, socket.SOCK_STREAM, 0)
                assert not connection.get_inheritable()
                await loop.sock_sendall(client, b"hello")
                assert await loop.sock_recv(connection, 10) == b"hello"

    run(main())


def test_connect_and_accept_by_a_path(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
            listener.setblocking(False)
            client.setblocking(False)
            listener.bind(str(tmp_path / "listener"))
            listener.listen()
            await loop.sock_connect(client, str(tmp_path / "listener"))
            connection, address = await loop.sock_accept(listener)
            with connection:
                assert address == ""
                await loop.sock_sendall(connection, b"hello")
                assert await loop.sock_recv(client, 10) == b"hello"

    run(main())


def test_a_full_queue_of_a_path_is_an_error_not_a_connection(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        clients = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "listener"))
            listener.listen(0)
            with pytest.raises(BlockingIOError):
                for client in clients:
                    client.setblocking(False)
                    await loop.sock_connect(client, str(tmp_path / "listener"))
        for client in clients:
            client.close()

    run(main())


def test_names_are_looked_up_by_connect() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with bound_socket(socket.SOCK_STREAM) as listener, socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, ("localhost", listener.getsockname()[1]))
            assert client.getpeername() == listener.getsockname()
            with socket.socket() as other:
                other.setblocking(False)
                await loop.sock_connect(other, ("127.0.0.1", str(listener.getsockname()[1])))

    run(main())


@pytest.mark.parametrize(
    ("family", "host", "text"),
    [
        (socket.AF_INET, "127.0.0.1", "Connect call failed ('127.0.0.1', {port})"),
        (socket.AF_INET6, "::1", "Connect call failed ('::1', {port}, 0, 0)"),
    ],
)
def test_a_refused_connection_says_so_as_asyncio_does(family: socket.AddressFamily, host: str, text: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(family) as closed:
            closed.bind((host, 0))
            port = closed.getsockname()[1]
            with socket.socket(family) as client, pytest.raises(ConnectionRefusedError) as caught:
                client.setblocking(False)
                await loop.sock_connect(client, (host, port))
        assert caught.value.errno == errno.ECONNREFUSED
        assert caught.value.strerror == text.format(port=port)

    run(main())


def test_who_is_cancelled_before_the_refusal_is_told_may_connect_again() -> None:
    """As in CPython's test_sock_client_connect_racing, which skips itself when this fails."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as listener, socket.socket() as client:
            listener.bind(("127.0.0.1", 0))
            client.setblocking(False)
            connecting = loop.create_task(loop.sock_connect(client, listener.getsockname()))
            await asyncio.sleep(0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            listener.listen(1)
            with pytest.raises(ConnectionRefusedError):  # not ECONNABORTED: the first one's, which nobody has seen
                await loop.sock_connect(client, listener.getsockname())
            await loop.sock_connect(client, listener.getsockname())

    run(main())


def test_a_connection_that_takes_time_is_waited_for() -> None:
    """The queue of the listener is full: the kernel drops the SYN until there is room."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            clients = [socket.socket() for _ in range(3)]
            for client in clients:
                client.setblocking(False)
            connecting = [loop.create_task(loop.sock_connect(c, listener.getsockname())) for c in clients]
            _, pending = await asyncio.wait(connecting, timeout=0.05)
            assert pending
            connections = [listener.accept()[0]]
            for task in pending:
                task.cancel()
            await asyncio.wait(connecting)
            for sock in clients + connections:
                sock.close()

    run(main())
