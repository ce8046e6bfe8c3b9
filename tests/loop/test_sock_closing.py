"""A socket that is closed while sock_* waits for it: it stays open until then (as with uvloop), and goes at once after."""

import asyncio
import socket

import pytest
import tricorn

from loop.sockets import socket_pair, wait_in_turn
from loop.turns import run


@pytest.mark.parametrize("method", ["sock_recv", "sock_recv_into", "sock_recvfrom"])
def test_who_waits_on_a_closed_socket_is_served(method: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        left.setblocking(False)
        argument = bytearray(10) if method == "sock_recv_into" else 10
        (task,) = await wait_in_turn(getattr(loop, method)(left, argument))
        left.close()
        number = left.fileno()
        assert number != -1
        with socket.socket() as other:
            assert other.fileno() != number
        right.send(b"x")
        await asyncio.wait_for(task, 5)
        assert left.fileno() == -1
        assert right.recv(10) == b""
        right.close()

    run(main())


def test_what_waits_to_be_sent_through_a_closed_socket_is_sent() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        left.setblocking(False)
        right.setblocking(False)
        (task,) = await wait_in_turn(loop.sock_sendall(left, bytes(3_000_000)))
        left.close()
        received = 0
        while data := await loop.sock_recv(right, 1_000_000):
            received += len(data)
        assert received == 3_000_000
        await task
        right.close()

    run(asyncio.wait_for(main(), 20))


def test_a_closed_socket_goes_with_the_last_that_waits() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        left.setblocking(False)
        first, second = await wait_in_turn(loop.sock_recv(left, 1), loop.sock_recv(left, 1))
        left.close()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert left.fileno() != -1
        right.send(b"xy")
        assert await second == b"x"
        assert left.fileno() == -1
        right.close()

    run(main())


def test_who_waits_on_a_closed_socket_can_be_cancelled() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        left.setblocking(False)
        (task,) = await wait_in_turn(loop.sock_recv(left, 10))
        left.close()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert left.fileno() == -1
        right.close()

    run(main())


def test_a_socket_that_nobody_closed_stays_open() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            loop.call_later(0.001, right.send, b"x")
            await loop.sock_recv(left, 1)
            assert left.fileno() != -1
            left.close()
            assert left.fileno() == -1

    run(main())


@pytest.mark.parametrize("closed_first", ["socket", "loop"])
def test_a_closed_loop_holds_no_socket(loop: tricorn.Loop, closed_first: str) -> None:
    with socket_pair() as (left, _):
        operation = loop.sock_recv(left, 1)
        operation.send(None)
        if closed_first == "socket":
            left.close()
        loop.close()
        left.close()
        assert left.fileno() == -1
        operation.close()


def test_an_abandoned_operation_holds_no_socket(loop: tricorn.Loop) -> None:
    with socket_pair() as (left, _):
        operation = loop.sock_recv(left, 1)
        operation.send(None)
        left.close()
        with pytest.raises(ZeroDivisionError):
            operation.throw(ZeroDivisionError())
        assert left.fileno() == -1
    with socket_pair() as (left, _):
        operation = loop.sock_recv(left, 1)
        operation.send(None)
        left.close()
        del operation
        assert left.fileno() == -1
