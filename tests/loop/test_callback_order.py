"""In which order I/O and what was queued run: asyncio's."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import tricorn

from loop.turns import run_turn


class Order(asyncio.Protocol, asyncio.DatagramProtocol):
    """Notes that something came."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.log.append("data")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.log.append("data")


@pytest.mark.parametrize("kind", ["stream", "datagram", "pipe"])
def test_data_do_not_overtake_what_was_queued_before(loop: tricorn.Loop, kind: str) -> None:
    log: list[str] = []

    async def connect() -> tuple[asyncio.BaseTransport, socket.socket]:
        left, right = socket.socketpair(type=socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
        if kind == "stream":
            return (await loop.create_connection(lambda: Order(log), sock=left))[0], right
        if kind == "datagram":
            return (await loop.create_datagram_endpoint(lambda: Order(log), sock=left))[0], right
        return (await loop.connect_read_pipe(lambda: Order(log), left))[0], right

    transport, peer = loop.run_until_complete(connect())
    run_turn(loop)
    peer.send(b"x")
    loop.call_soon(loop.call_soon, log.append, "queued meanwhile")
    loop.call_soon(log.append, "queued before")
    run_turn(loop)
    run_turn(loop)
    assert log == ["queued before", "data", "queued meanwhile"]
    transport.close()
    peer.close()
    run_turn(loop)


def test_an_interrupt_in_a_callback_that_was_queued_before_loses_no_data(loop: tricorn.Loop) -> None:
    log: list[str] = []
    left, right = socket.socketpair()
    transport, _ = loop.run_until_complete(loop.create_connection(lambda: Order(log), sock=left))
    run_turn(loop)

    def interrupt() -> None:
        raise KeyboardInterrupt

    right.send(b"x")
    loop.call_soon(interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_turn(loop)
    assert log == []
    run_turn(loop)
    assert log == ["data"]
    transport.close()
    right.close()
    run_turn(loop)


@pytest.mark.parametrize("deed", ["close", "write"])
def test_the_other_end_in_the_same_process_hears_in_the_next_turns(loop: tricorn.Loop, deed: str) -> None:
    class Other(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            heard.append(data)

        def connection_lost(self, error: Exception | None) -> None:
            heard.append(b"")

    async def main() -> int:
        left, right = socket.socketpair()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=left)
        other, _ = await loop.create_connection(Other, sock=right)
        for _ in range(20):
            await asyncio.sleep(0)  # all is quiet
        if deed == "close":
            transport.close()
        else:
            transport.write(b"x")
        turns = 0
        while not heard and turns < 100:
            await asyncio.sleep(0)
            turns += 1
        transport.close()
        other.close()
        return turns

    heard: list[bytes] = []
    assert loop.run_until_complete(main()) <= 4
    assert heard[0] == (b"" if deed == "close" else b"x")
