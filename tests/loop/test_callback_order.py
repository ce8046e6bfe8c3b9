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
