"""create_connection() to an address in numbers: asyncio's behaviour, by a way of its own."""

import asyncio
import gc
import os
import socket
import subprocess
import sys
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
import tricorn

from loop.turns import run, without_collector


class Noting(asyncio.Protocol):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def connection_lost(self, error: Exception | None) -> None:
        self.calls.append("lost")


@contextmanager
def listening(family: socket.AddressFamily = socket.AF_INET, backlog: int = 100) -> Iterator[socket.socket]:
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        listener.listen(backlog)
        yield listener


@contextmanager
def full_listener() -> Iterator[int]:
    """The port of a listener whose queue is full: who connects waits."""
    with listening(backlog=0) as listener:
        address = listener.getsockname()
        clients = [socket.socket() for _ in range(4)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(address)
        yield address[1]
        for client in clients:
            client.close()


async def accept_all(listener: socket.socket) -> None:
    while True:
        peer, _ = await asyncio.get_running_loop().sock_accept(listener)
        peer.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_connection_is_made(family: socket.AddressFamily) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with listening(family) as listener:
            address = listener.getsockname()
            transport, protocol = await loop.create_connection(Noting, *address[:2])
            assert protocol.calls == ["made"]
            assert transport.get_extra_info("peername") == address
            sock = transport.get_extra_info("socket")
            assert (sock.family, sock.type, sock.proto) == (family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            peer, name = listener.accept()
            with peer:
                assert name == transport.get_extra_info("sockname")
                transport.close()
                await asyncio.sleep(0)
                assert protocol.calls == ["made", "lost"]
                assert peer.recv(1) == b""

    run(main())


def test_refusals_are_told_in_asyncios_words() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        port = unused.getsockname()[1]

        async def connect() -> OSError:
            with pytest.raises(ConnectionRefusedError) as caught:
                await asyncio.get_running_loop().create_connection(Noting, "127.0.0.1", port)
            return caught.value

        before = descriptors()
        ours = run(connect())
        asyncios = asyncio.new_event_loop()
        expected = asyncios.run_until_complete(connect())
        asyncios.close()
        assert (str(ours), ours.errno) == (str(expected), expected.errno)
        assert descriptors() == before


def test_a_connection_that_waits_is_made_when_there_is_room() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with listening(backlog=0) as listener:
            address = listener.getsockname()
            connecting = [loop.create_task(loop.create_connection(Noting, *address)) for _ in range(4)]
            done, waiting = await asyncio.wait(connecting, timeout=0.2)
            assert done
            assert waiting
            listener.setblocking(False)
            accepting = loop.create_task(accept_all(listener))
            for transport, protocol in await asyncio.gather(*connecting):
                assert protocol.calls[0] == "made"
                transport.close()
            accepting.cancel()

    run(main())


def test_a_connection_that_waits_is_safe_from_the_collector() -> None:
    async def connect(port: int) -> None:
        await asyncio.get_running_loop().create_connection(Noting, "127.0.0.1", port)

    async def main() -> None:
        with full_listener() as port:
            waiting = weakref.ref(asyncio.create_task(connect(port)))
            await asyncio.sleep(0.01)
            gc.collect()
            assert waiting() is not None
            waiting().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
            assert waiting() is None

    run(main())


def test_a_loop_that_is_dropped_takes_its_waiting_connections_with_it() -> None:
    with full_listener() as port:
        before = descriptors()
        loop = tricorn.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # "Task was destroyed but it is pending!"
        loop.create_task(loop.create_connection(Noting, "127.0.0.1", port))
        loop.run_until_complete(asyncio.sleep(0.01))
        assert descriptors() > before
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del loop
            gc.collect()
        assert descriptors() == before


def test_giving_up_closes_the_socket_at_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with full_listener() as port:
            before = descriptors()
            for _ in range(20):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(loop.create_connection(Noting, "127.0.0.1", port), 0.01)
            assert descriptors() == before

    run(main())


def test_a_loop_is_closed_while_a_connection_waits() -> None:
    with full_listener() as port:
        before = descriptors()
        loop = tricorn.new_event_loop()
        task = loop.create_task(loop.create_connection(Noting, "127.0.0.1", port))
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
        task.get_coro().close()  # type: ignore[union-attr]
        with mock.patch.object(loop, "call_exception_handler"):  # "Task was destroyed but it is pending!"
            del task
        assert descriptors() == before


@pytest.mark.parametrize("failing", ["protocol_factory", "connection_made"])
def test_failures_of_the_protocol_leave_no_socket(failing: str, loop: tricorn.Loop) -> None:
    class Failing(asyncio.Protocol):
        def __init__(self) -> None:
            if failing == "protocol_factory":
                raise KeyError("protocol_factory")

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raise KeyError("connection_made")

    async def main() -> None:
        with listening() as listener:
            before = descriptors()
            told: list[dict[str, object]] = []
            loop.set_exception_handler(lambda _, context: told.append(context))
            if failing == "protocol_factory":
                with pytest.raises(KeyError):
                    await loop.create_connection(Failing, *listener.getsockname())
            else:
                transport, _ = await loop.create_connection(Failing, *listener.getsockname())
                assert len(told) == 1
                transport.close()
                await asyncio.sleep(0)
            assert descriptors() == before

    loop.run_until_complete(main())


def test_sockets_of_another_class_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []

    class Watched(socket.socket):
        def __init__(self, *arguments: int, **keywords: int) -> None:
            super().__init__(*arguments, **keywords)
            made.append(self)

    async def main() -> None:
        with listening() as listener:
            monkeypatch.setattr(socket, "socket", Watched)
            transport, _ = await asyncio.get_running_loop().create_connection(Noting, *listener.getsockname())
            assert len(made) == 1
            transport.close()

    run(main())
    made[0].close()


def test_audit_hooks_can_refuse_a_connection() -> None:
    code = """
import asyncio, socket, sys, tricorn
with socket.create_server(("127.0.0.1", 0)) as listener:
    address = listener.getsockname()
    def refuse(event, arguments):
        if event == "socket.connect" and arguments[1] == address:
            raise PermissionError("not there")
    sys.addaudithook(refuse)
    async def main():
        try:
            await asyncio.get_running_loop().create_connection(asyncio.Protocol, *address)
        except PermissionError as error:
            print(error)
    tricorn.new_event_loop().run_until_complete(main())
"""
    told = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert told.stdout == "not there\n"


def test_each_address_of_a_name_that_ends_with_a_digit_is_tried(
    loop: tricorn.Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
            assert host == "db1"
            hosts = "127.0.0.2", "127.0.0.1"  # the server is not on the first
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in hosts]

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        transport, _ = await loop.create_connection(asyncio.Protocol, "db1", port)
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)
        transport.close()
        server.close()

    loop.run_until_complete(main())


def test_a_closed_loop_connects_to_nothing(loop: tricorn.Loop) -> None:
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.create_connection(asyncio.Protocol, "127.0.0.1", 1).send(None)


def test_a_connection_that_fails_late_leaves_no_garbage() -> None:
    class Thing:
        pass

    async def connect(address: tuple[str, int]) -> weakref.ref[Thing]:
        thing = Thing()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.get_running_loop().create_connection(asyncio.Protocol, *address)
        return weakref.ref(thing)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with listening(backlog=0) as listener:
            clients = [socket.socket() for _ in range(4)]
            for client in clients:
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
            loop.call_later(0.01, listener.close)
            alive = await loop.create_task(connect(listener.getsockname()))
            assert alive() is None
            for client in clients:
                client.close()

    with without_collector():
        run(main())


def test_a_subclass_has_its_say_in_how_connections_are_made() -> None:
    connected: list[object] = []

    class Own(tricorn.Loop):
        async def sock_connect(self, sock: socket.socket, address: object) -> None:
            connected.append(address)
            await super().sock_connect(sock, address)

    loop = Own()
    with listening() as listener:
        address = listener.getsockname()
        transport, _ = loop.run_until_complete(loop.create_connection(asyncio.Protocol, *address))
        assert connected == [address]
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
