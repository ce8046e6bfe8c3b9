"""The contextvars.Context that a connection's callbacks run in."""

import asyncio
import contextvars
import socket
import ssl
import sys
from typing import Any

import pytest

import tricorn

from loop.turns import until

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")


class Chronicler(asyncio.Protocol):
    """Notes the variable's value in each callback, and adds to it."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.note("init")

    def note(self, callback: str) -> None:
        self.notes.append(f"{callback}: {variable.get()}")
        variable.set(variable.get() + "+")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.note("made")

    def data_received(self, data: bytes) -> None:
        self.note("data")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.note("lost")


@pytest.fixture(params=["plain", "tls"])
def contexts(request: pytest.FixtureRequest) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """Of a server and its clients."""
    if request.param == "plain":
        return None, None
    return request.getfixturevalue("server_context"), request.getfixturevalue("client_context")


def test_each_accepted_connection_has_a_context_of_its_own(
    loop: tricorn.Loop, contexts: tuple[ssl.SSLContext | None, ssl.SSLContext | None]
) -> None:
    """What the server's maker had set is seen; what one connection sets, by no other and not by the maker."""

    async def main() -> None:
        variable.set("server")
        notes: list[list[str]] = []

        def factory() -> Chronicler:
            notes.append([])
            return Chronicler(notes[-1])

        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=contexts[0])
        port = server.sockets[0].getsockname()[1]
        variable.set("changed")
        for _ in range(2):
            hostname = None if contexts[1] is None else "localhost"
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=contexts[1], server_hostname=hostname)
            writer.write(b"x")
            await until(lambda: len(notes[-1]) == 3)
            writer.close()
            await writer.wait_closed()
            await until(lambda: len(notes[-1]) == 4)
        server.close()
        assert notes == [["init: server", "made: server+", "data: server++", "lost: server+++"]] * 2
        assert variable.get() == "changed"

    contextvars.copy_context().run(loop.run_until_complete, main())


def test_a_connection_has_the_context_of_its_maker(loop: tricorn.Loop) -> None:
    async def main() -> None:
        left, right = socket.socketpair()
        notes: list[str] = []
        variable.set("maker")
        transport, _ = await loop.create_connection(lambda: Chronicler(notes), sock=left)
        variable.set("changed")
        right.send(b"x")
        await until(lambda: len(notes) == 3)
        transport.close()
        await until(lambda: len(notes) == 4)
        right.close()
        # From Python 3.15 on asyncio takes the context before it calls the factory.
        made = "" if sys.version_info >= (3, 15) else "+"
        assert notes == ["init: maker", f"made: maker{made}", f"data: maker+{made}", f"lost: maker++{made}"]

    contextvars.copy_context().run(loop.run_until_complete, main())


@pytest.mark.parametrize("given", [False, True])
def test_asyncios_own_transports_may_give_a_context(loop: tricorn.Loop, given: bool) -> None:
    """Those of Python 3.15 do."""
    left, right = socket.socketpair()
    seen: list[str] = []
    context = contextvars.copy_context()
    context.run(variable.set, "given")
    options: dict[str, Any] = {"context": context if given else None}

    def read() -> None:
        seen.append(variable.get() + left.recv(1).decode())
        loop._remove_reader(left.fileno())

    with left, right:
        left.setblocking(False)
        loop._add_reader(left.fileno(), read, **options)
        right.send(b"x")
        loop.run_until_complete(until(lambda: seen))
        with pytest.raises(TypeError, match="context"):
            loop.add_reader(left.fileno(), read, context=context)  # type: ignore[call-arg]
    assert seen == ["givenx" if given else "x"]
