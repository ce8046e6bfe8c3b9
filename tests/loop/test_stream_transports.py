"""Stream transports: what is written, what the protocol is told, and in which context."""

from __future__ import annotations

import asyncio
import gc
import contextvars
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import tricorn

from loop.sockets import fill, read_all, socket_pair
from loop.turns import run

REQUEST = contextvars.ContextVar("REQUEST", default="none")


class Flow(asyncio.Protocol):
    """Notes in which context it is told to pause and to resume."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def pause_writing(self) -> None:
        self.told.append(("pause", REQUEST.get()))

    def resume_writing(self) -> None:
        self.told.append(("resume", REQUEST.get()))


@asynccontextmanager
async def connected(protocol: asyncio.Protocol) -> AsyncIterator[tuple[Any, socket.socket]]:
    """A transport with that protocol, and the socket of its peer."""
    with socket_pair() as (left, right):
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, sock=left)
        yield transport, right
        transport.abort()
        await asyncio.sleep(0)


def test_attributes_of_asyncios_transports_that_others_look_at() -> None:
    async def main() -> None:
        async with connected(asyncio.Protocol()) as (transport, _):
            assert not transport._paused and not transport._closing
            transport.pause_reading()
            assert transport._paused
            transport.close()
            assert transport._closing

    run(main())


def test_a_transport_that_closes_has_its_descriptor_until_all_is_written() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with connected(asyncio.Protocol()) as (transport, peer):
            descriptor = transport.get_extra_info("socket").fileno()
            transport.write(bytes(3 << 20))
            transport.close()
            with pytest.raises(RuntimeError, match="is used by transport"):
                loop.add_reader(descriptor, print)
            received = 0
            while received < 3 << 20:
                received += len(await asyncio.wait_for(loop.sock_recv(peer, 1 << 20), 5))
            assert await asyncio.wait_for(loop.sock_recv(peer, 1), 5) == b""

    run(main())


def test_lines_that_are_refused_are_not_sent_in_part() -> None:
    async def main() -> None:
        async with connected(asyncio.Protocol()) as (transport, peer):
            with pytest.raises(TypeError):
                transport.writelines([b"head", 5])
            transport.write(b"next")
            assert peer.recv(100) == b"next"

    run(main())


@pytest.mark.parametrize(
    ("limits", "expected"),
    [({"high": 1000.7}, (250, 1000)), ({"high": 0.5}, (0, 0)), ({"low": 10.0}, (10, 40)),
     ({"high": float("inf")}, (sys.maxsize // 4, sys.maxsize)), ({"low": sys.maxsize}, (sys.maxsize, sys.maxsize)),
     ({"high": 1 << 80, "low": 5}, (5, sys.maxsize))],
)  # fmt: skip
def test_write_buffer_limits_may_be_any_numbers(limits: dict[str, float], expected: tuple[int, int]) -> None:
    async def main() -> None:
        async with connected(asyncio.Protocol()) as (transport, _):
            transport.set_write_buffer_limits(**limits)
            assert transport.get_write_buffer_limits() == expected
            for wrong in ({"high": -0.5}, {"low": float("nan")}, {"high": 1, "low": 2}, {"low": -(1 << 80)}):
                with pytest.raises(ValueError, match="must be >= "):
                    transport.set_write_buffer_limits(**wrong)
            assert transport.get_write_buffer_limits() == expected

    run(main())


@pytest.mark.parametrize("pieces", [1, 2])
def test_flow_control_runs_in_the_context_of_the_connection(pieces: int) -> None:
    """Also of a writer that writes in pieces, which leave when its callback returns."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        REQUEST.set("mine")
        flow = Flow()
        async with connected(flow) as (transport, peer):
            REQUEST.set("the writer's")
            for _ in range(20):
                for _ in range(pieces):
                    transport.write(b"x")
                await asyncio.sleep(0)
            fill(transport.get_extra_info("socket")._sock)
            transport.set_write_buffer_limits(high=100)
            for _ in range(pieces):
                transport.write(bytes(1000))
            await asyncio.sleep(0)
            while len(flow.told) < 2:
                read_all(peer)
                await asyncio.sleep(0)
            assert flow.told == [("pause", "mine"), ("resume", "mine")]
        assert loop.is_running()

    run(main())


def test_who_looks_at_the_size_of_the_buffer_is_told_to_pause() -> None:
    """To look at it sends what can be sent."""

    async def main() -> None:
        flow = Flow()
        async with connected(flow) as (transport, _):
            transport.set_write_buffer_limits(high=100)
            while not transport.get_write_buffer_size():
                transport.write(bytes(10_000))
            await asyncio.sleep(0)
            assert [what for what, _ in flow.told] == ["pause"]

    run(main())


@pytest.mark.parametrize("fails", [False, True])
def test_an_exception_that_leaves_the_loop_is_none_of_what_was_written_before(loop: tricorn.Loop, fails: bool) -> None:
    """What waits for the callback's end is sent then, which tells the protocol, or fails."""

    def leave(transport: Any, peer: socket.socket) -> None:
        transport.set_write_buffer_limits(high=0)
        if fails:
            peer.close()
        else:
            fill(transport.get_extra_info("socket")._sock)
        transport.write(b"x")
        transport.write(b"y")
        raise SystemExit("as asked for")

    async def main() -> None:
        flow = Flow()
        async with connected(flow) as (transport, peer):
            for _ in range(20):
                transport.write(b"x")
                transport.write(b"y")
                await asyncio.sleep(0)
            loop.call_soon(leave, transport, peer)
            await stopped
            assert transport.is_closing() == fails
            assert flow.told == ([] if fails else [("pause", "none")])

    stopped = loop.create_future()
    task = loop.create_task(main())
    with pytest.raises(SystemExit, match="as asked for"):
        loop.run_until_complete(task)
    stopped.set_result(None)
    loop.run_until_complete(task)


def test_an_oserror_of_pause_writing_is_reported() -> None:
    class Failing(asyncio.Protocol):
        def pause_writing(self) -> None:
            raise OSError("cannot pause")

    async def main() -> None:
        reports: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
        async with connected(Failing()) as (transport, _):
            transport.write(bytes(10_000_000))
            assert [report["message"] for report in reports] == ["protocol.pause_writing() failed"]
            assert not transport.is_closing()

    run(main())


def test_a_file_is_sent_through_an_accepted_connection_in_debug_mode() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        made = loop.create_future()

        class Accepted(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.set_result(transport)

        async with await loop.create_server(Accepted, "127.0.0.1", 0) as server:
            with socket.create_connection(server.sockets[0].getsockname()) as client, tempfile.TemporaryFile() as file:
                file.write(b"content")
                file.seek(0)
                loop.set_debug(True)
                assert await loop.sendfile(await made, file) == 7
                assert client.recv(100) == b"content"
                made.result().abort()

    run(main())


def test_a_transport_has_its_socket_for_itself_again_after_a_file() -> None:
    """Also if it reads nothing: sendfile has watched the descriptor in between."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with connected(asyncio.Protocol()) as (transport, peer):
            transport.pause_reading()
            with tempfile.TemporaryFile() as file:
                file.truncate(10_000_000)
                sending = loop.create_task(loop.sendfile(transport, file))
                while not sending.done():
                    await asyncio.sleep(0)
                    read_all(peer)
            assert sending.result() == 10_000_000
            with pytest.raises(RuntimeError, match="is used by transport"):
                loop.add_reader(transport.get_extra_info("socket"), print)

    run(main())


def test_a_socket_that_is_closed_under_its_transport_gives_its_number_to_nobody() -> None:
    """What is written to the transport must not get to another connection."""

    async def main() -> None:
        left, right = socket.socketpair()
        left.setblocking(False)
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=left)
        left.close()
        with right, socket_pair() as (_, other):
            transport.write(b"mine")
            with pytest.raises(BlockingIOError):
                other.recv(10)
            transport.close()
            await asyncio.sleep(0)
            assert left.fileno() == -1
            assert right.recv(10) == b"mine"
            assert right.recv(10) == b""

    run(main())


def test_garbage_may_call_a_transport_that_was_collected_with_it() -> None:
    class Holder(asyncio.Protocol):
        transport: asyncio.Transport

        def __del__(self) -> None:
            self.transport.resume_reading()
            self.transport.write(b"late")
            self.transport.close()
            ends.append(self.transport.is_closing())

    async def main() -> None:
        left.setblocking(False)
        transport, protocol = await asyncio.get_running_loop().create_connection(Holder, sock=left)
        transport.pause_reading()
        transport.write(b"x" * 5_000_000)
        protocol.transport = transport

    ends: list[bool] = []
    left, right = socket.socketpair()
    with right, pytest.warns(ResourceWarning, match="unclosed transport"):
        run(main())
        gc.collect()
    assert ends == [True]
    assert left.fileno() == -1


def test_the_socket_of_an_accepted_connection_may_be_closed_under_it_as_well() -> None:
    class Accepted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set_result(transport)

    async def main() -> None:
        nonlocal made
        loop = asyncio.get_running_loop()
        made = loop.create_future()
        server = await loop.create_server(Accepted, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            transport = await made
            transport.get_extra_info("socket")._sock.close()
            with socket_pair() as (_, other):
                transport.write(b"mine")
                transport.close()
                with pytest.raises(BlockingIOError):
                    other.recv(10)
                await asyncio.sleep(0)
            assert client.recv(10) == b"mine"
            assert client.recv(10) == b""
        server.close()

    made: asyncio.Future[asyncio.Transport]
    run(main())


def test_a_protocol_factory_may_close_the_server() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        asked = loop.create_future()

        def factory() -> asyncio.Protocol:
            server.close()
            asked.set_result(True)
            return asyncio.Protocol()

        server = await loop.create_server(factory, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            await asked
            assert client.recv(1) == b""

    run(main())


def test_all_addresses_of_a_name_are_tried() -> None:
    """The name ends in a digit, as numbers do."""

    class Named(tricorn.Loop):
        async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:  # type: ignore[override]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number)) for number in (refusing, port)]

    async def main(port: int) -> None:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "server1", port)
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)
        transport.close()

    with socket.socket() as bound, socket.create_server(("127.0.0.1", 0)) as listening:
        bound.bind(("127.0.0.1", 0))
        refusing = bound.getsockname()[1]
        with asyncio.Runner(loop_factory=Named) as runner:
            runner.run(main(listening.getsockname()[1]))
