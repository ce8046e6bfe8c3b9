"""Datagram endpoints: what they say of themselves, their protocols, their end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import os
import socket
import warnings
import weakref
from typing import Any

import pytest
import tricorn

from loop.datagrams import Recorder, open_endpoint, open_local
from loop.turns import run


def test_extra_info() -> None:
    async def main() -> None:
        transport, protocol = await open_local()
        assert isinstance(transport, asyncio.DatagramTransport)
        assert isinstance(transport, asyncio.Transport)
        wrapped = transport.get_extra_info("socket")
        assert type(wrapped).__name__ == "TransportSocket"
        assert transport.get_extra_info("socket") is wrapped
        assert wrapped.type == socket.SOCK_DGRAM
        assert transport.get_extra_info("peername", "given") is None
        assert transport.get_extra_info("pipe") is None
        assert transport.get_extra_info("pipe", default=5) == 5
        name = wrapped.getsockname()
        transport.close()
        await protocol.until(lambda: protocol.lost)
        assert transport.get_extra_info("sockname") == name
        assert wrapped.fileno() == -1

    run(main())


def test_repr() -> None:
    async def main() -> None:
        transport, protocol = await open_local()
        fd = transport.get_extra_info("socket").fileno()
        await asyncio.sleep(0)
        assert repr(transport) == f"<DatagramTransport fd={fd} read=polling write=<idle, bufsize=0>>"
        transport.close()
        assert repr(transport) == f"<DatagramTransport closing fd={fd} read=idle write=<idle, bufsize=0>>"
        await protocol.until(lambda: protocol.lost)
        await asyncio.sleep(0)
        assert repr(transport) == f"<DatagramTransport closed fd={fd}>"

    run(main())


def test_another_protocol() -> None:
    async def main() -> None:
        transport, first = await open_local()
        assert transport.get_protocol() is first
        second = Recorder()
        transport.set_protocol(second)
        assert transport.get_protocol() is second
        transport.sendto(b"x", transport.get_extra_info("sockname"))
        assert await second.datagrams(1) == [b"x"]
        transport.close()
        await second.until(lambda: second.lost)
        assert first.calls == ["connection_made"]

    run(main())


def test_callbacks_run_in_the_context_of_the_creation() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")

    class Asks(Recorder):
        def _note(self, call: str) -> None:
            super()._note(f"{call} {variable.get()}")

    async def main() -> None:
        variable.set("made")
        transport, protocol = await open_local(Asks())
        variable.set("changed")
        transport.sendto(b"x", transport.get_extra_info("sockname"))
        await protocol.datagrams(1)
        transport.close()
        await protocol.until(lambda: protocol.lost)
        assert protocol.calls == ["connection_made made", "datagram_received made", "connection_lost made"]

    run(main())


def test_a_socket_subclass_sends_and_receives_its_own_way() -> None:
    class Shouting(socket.socket):
        def sendto(self, data: bytes, address: Any) -> int:  # type: ignore[override]
            return super().sendto(data.upper(), address)

    async def main() -> None:
        server, protocol = await open_local()
        sock = Shouting(socket.AF_INET, socket.SOCK_DGRAM)
        client, _ = await open_endpoint(sock=sock)
        client.sendto(b"quiet", server.get_extra_info("sockname"))
        assert await protocol.datagrams(1) == [b"QUIET"]
        client.close()
        server.close()

    run(main())


def test_creation_is_cancelled() -> None:
    async def main() -> None:
        protocol = Recorder()
        task = asyncio.ensure_future(open_local(protocol))
        while protocol.transport is None and not task.done():
            await asyncio.sleep(0)
            if protocol.transport is not None:
                task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await protocol.until(lambda: protocol.lost == [None])

    run(main())


def test_who_has_no_peer_may_send_until_connection_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        server, received = await open_local()
        address = server.get_extra_info("sockname")
        sender, protocol = await open_local()
        sender.close()
        sender.sendto(b"last", address)
        sender.sendto(bytes(70_000), address)
        assert len(protocol.errors) == 1
        await protocol.until(lambda: protocol.lost == [None])
        assert await received.datagrams(1) == [b"last"]
        with caplog.at_level(logging.WARNING, "asyncio"):
            for _ in range(6):
                sender.sendto(b"x", address)
        assert "socket.send() raised exception." in caplog.messages
        server.close()

    run(main())


def test_writes_after_the_end_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        server, _ = await open_local()
        client, protocol = await open_endpoint(remote_addr=server.get_extra_info("sockname"))
        client.abort()
        with caplog.at_level(logging.WARNING, "asyncio"):
            for _ in range(4):
                client.sendto(b"x")
            assert caplog.messages == []
            client.sendto(b"x")
            await protocol.until(lambda: protocol.lost)
            client.sendto(b"x")
        assert caplog.messages == ["socket.send() raised exception."] * 2
        server.close()

    run(main())


def test_an_endpoint_that_was_not_closed_is_warned_of(loop: tricorn.Loop) -> None:
    transport, protocol = loop.run_until_complete(open_local())
    fd = transport.get_extra_info("socket").fileno()
    alive = weakref.ref(transport)
    del protocol.transport
    loop.close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del transport, protocol
        gc.collect()
    told = [str(w.message) for w in caught if w.category is ResourceWarning]
    assert told == [f"unclosed transport <DatagramTransport fd={fd}>"]
    caught.clear()  # a warning keeps its source
    assert alive() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_who_asks_for_its_descriptor_is_told_whose_it_is() -> None:
    async def main() -> None:
        transport, _ = await open_local()
        with pytest.raises(RuntimeError, match="is used by transport <DatagramTransport"):
            asyncio.get_running_loop().add_reader(transport.get_extra_info("socket"), print)
        transport.close()

    run(main())


def test_closing_after_the_loop_closes_the_socket_at_least(loop: tricorn.Loop) -> None:
    transport, protocol = loop.run_until_complete(open_local())
    sock = transport.get_extra_info("socket")
    loop.close()
    transport.close()
    assert sock.fileno() == -1
    assert protocol.lost == []


@pytest.mark.parametrize("method", ["close", "abort"])
def test_a_loop_that_closes_before_connection_lost(loop: tricorn.Loop, method: str) -> None:
    transport, protocol = loop.run_until_complete(open_local())
    fd = transport.get_extra_info("socket").fileno()
    alive = weakref.ref(transport)
    getattr(transport, method)()
    loop.close()
    del protocol.transport
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del transport, protocol
        gc.collect()
    assert alive() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
