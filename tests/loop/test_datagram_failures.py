"""Protocols of datagram endpoints that raise: what is reported, what leaves the loop, what goes on."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import tricorn

from loop.datagrams import Recorder, drain, fill, narrow_pair, open_endpoint, open_local
from loop.turns import run


class Failing(Recorder):
    """Raises in one of its methods."""

    def __init__(self, method: str, error: BaseException) -> None:
        super().__init__()
        self.method = method
        self.error = error

    def _note(self, call: str) -> None:
        super()._note(call)
        if call == self.method:
            raise self.error


async def provoke(method: str, error: BaseException) -> tuple[Any, Failing, socket.socket]:
    """An endpoint whose protocol fails, and has been given reason to; and the socket of its peer."""
    left, right = narrow_pair()
    if method == "error_received":
        left.close()
        left = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        left.connect(("127.0.0.1", 1))
    transport, protocol = await open_endpoint(Failing(method, error), sock=left)
    give_reason(method, transport, right)
    return transport, protocol, right


def give_reason(method: str, transport: Any, sock: socket.socket) -> None:
    """Have the endpoint's protocol called."""
    if method in {"pause_writing", "resume_writing"}:
        transport.set_write_buffer_limits(high=0)
        fill(transport)
    elif method == "connection_lost":
        transport.close()
    elif method == "error_received":
        transport.sendto(b"refused")
    else:
        sock.send(b"x")


METHODS = [
    "connection_made",
    "datagram_received",
    "error_received",
    "pause_writing",
    "resume_writing",
    "connection_lost",
]


@pytest.mark.parametrize("method", METHODS)
def test_a_failing_protocol_is_reported_and_the_endpoint_goes_on(method: str) -> None:
    async def main() -> None:
        told: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        transport, protocol, right = await provoke(method, ZeroDivisionError("no"))
        while not told:
            if method == "resume_writing":
                drain(right)
            await asyncio.sleep(0)
        assert method in told[0]["message"]
        assert told[0]["exception"] is protocol.error
        assert told[0]["transport"] is transport
        assert told[0]["protocol"] is protocol
        if method != "connection_lost":
            assert not transport.is_closing()
        transport.close()
        while not protocol.lost:
            drain(right)
            await asyncio.sleep(0)
        assert len(told) == 1
        right.close()

    run(main())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_the_loop(loop: tricorn.Loop, method: str, error: type[BaseException]) -> None:
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    async def main() -> None:
        _, _, right = await provoke(method, error("stop"))
        while True:
            if method == "resume_writing":
                drain(right)
            await asyncio.sleep(0)

    task = loop.create_task(main())
    with pytest.raises(error):
        loop.run_until_complete(task)
    assert told == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


def test_an_error_of_error_received_in_sendto_is_the_callers() -> None:
    async def main() -> None:
        transport, _ = await open_local(Failing("error_received", ZeroDivisionError("no")))
        with pytest.raises(ZeroDivisionError):
            transport.sendto(b"x", ("127.0.0.1", 0))
        transport.close()

    run(main())
