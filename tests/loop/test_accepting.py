"""Connections that a server accepts: their contexts, and who else uses the listening descriptor."""

import asyncio
import contextvars
import gc
import socket
import weakref

import pytest
import tricorn

from loop.turns import run, run_turn, until


def test_each_connection_has_a_context_of_its_own() -> None:
    """As in asyncio: what a protocol factory sets is seen by its protocol, and not by the next."""
    number: contextvars.ContextVar[int] = contextvars.ContextVar("number")
    seen: list[tuple[int, int, int]] = []

    class Counted(asyncio.Protocol):
        def __init__(self) -> None:
            self.inherited = number.get()
            number.set(10 + len(seen))

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            self.made = number.get()

        def data_received(self, data: bytes) -> None:
            seen.append((self.inherited, self.made, number.get()))
            self.transport.close()

    async def main() -> None:
        number.set(1)
        server = await asyncio.get_running_loop().create_server(Counted, "127.0.0.1", 0)
        number.set(2)
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"x")
            assert await reader.read() == b""
            writer.close()
        server.close()
        assert seen == [(1, 10, 10), (1, 11, 11), (1, 12, 12)]

    run(main())


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_a_factory_that_leaves_the_loop_has_the_next_connections_wait(
    loop: tricorn.Loop, exception: type[BaseException]
) -> None:
    made: list[asyncio.Protocol] = []

    def make() -> asyncio.Protocol:
        made.append(asyncio.Protocol())
        if len(made) == 1:
            raise exception
        return made[-1]

    server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0))
    clients = [socket.create_connection(server.sockets[0].getsockname()) for _ in range(3)]
    with pytest.raises(exception):
        loop.run_forever()
    assert len(made) == 1
    loop.run_until_complete(until(lambda: len(made) == 3))
    server.close()
    for client in clients:
        client.close()
    loop.run_until_complete(asyncio.sleep(0.01))


def test_a_reader_takes_the_descriptor_of_a_server(loop: tricorn.Loop) -> None:
    class Factory:
        def __call__(self) -> asyncio.Protocol:
            return asyncio.Protocol()

    factory = Factory()
    alive = weakref.ref(factory)
    server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0))
    del factory
    listening = server.sockets[0].fileno()
    ready: list[str] = []
    loop.add_reader(listening, ready.append, "ready")
    with socket.create_connection(server.sockets[0].getsockname()):
        run_turn(loop)
        assert ready == ["ready"]
    assert loop.remove_reader(listening)
    server.close()
    del server
    gc.collect()
    assert alive() is None


def test_removing_the_writer_of_a_file_that_is_gone_leaves_its_number_to_a_server(loop: tricorn.Loop) -> None:
    made: list[asyncio.BaseTransport] = []

    class Noting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    gone, other = socket.socketpair()
    number = gone.fileno()
    loop.add_writer(number, print)
    gone.close()
    other.close()
    listener = socket.create_server(("127.0.0.1", 0))
    assert listener.fileno() == number
    server = loop.run_until_complete(loop.create_server(Noting, sock=listener))
    assert loop.remove_writer(number)
    with socket.create_connection(listener.getsockname()):
        loop.run_until_complete(until(lambda: len(made) == 1))
    server.close()
    loop.run_until_complete(asyncio.sleep(0.01))


def test_addresses_are_known_after_the_end(loop: tricorn.Loop) -> None:
    class Keeping(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            self.lost = False
            ends.append(self)

        def connection_lost(self, error: Exception | None) -> None:
            self.lost = True

    ends: list[Keeping] = []
    server = loop.run_until_complete(loop.create_server(Keeping, "127.0.0.1", 0))
    address = server.sockets[0].getsockname()
    with socket.create_connection(address) as client:
        name = client.getsockname()
    loop.run_until_complete(until(lambda: ends and ends[0].lost))
    assert ends[0].transport.get_extra_info("sockname") == address
    assert ends[0].transport.get_extra_info("peername") == name
    server.close()
    loop.run_until_complete(asyncio.sleep(0))
