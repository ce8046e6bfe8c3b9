"""sock_* when descriptors are lost and used again, and when the loop or the waiting ends."""

import asyncio
import gc
import os
import socket
import sys
import weakref

import pytest
import tricorn

from loop.sockets import fill, socket_pair, wait_in_turn
from loop.turns import run, run_turn


# --- Descriptors that are lost and used again.


NUMBER = 200


def pair_at_number() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, the first of them non-blocking and with that number."""
    made, right = socket.socketpair()
    os.dup2(made.fileno(), NUMBER)
    made.close()
    left = socket.socket(fileno=NUMBER)
    left.setblocking(False)
    return left, right


@pytest.mark.parametrize("duplicated", [False, True])
@pytest.mark.parametrize("waits", [False, True])
def test_a_number_that_is_used_again_means_the_new_socket(duplicated: bool, waits: bool) -> None:
    """With a duplicate open elsewhere, the kernel keeps the registration of the old file under the number."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        kept = []
        for turn in range(10):
            left, right = pair_at_number()
            for _ in range(3):  # the second and third wait first
                if waits:
                    loop.call_later(0.001, right.send, b"x%d" % turn)
                else:
                    right.send(b"x%d" % turn)
                assert await asyncio.wait_for(loop.sock_recv(left, 10), 5) == b"x%d" % turn
            if duplicated:
                kept += [left.dup(), right.dup()]
                right.send(b"for nobody")
            left.close()
            right.close()
        for sock in kept:
            sock.close()

    run(main())


def test_a_new_object_around_a_number_is_noticed() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            loop.call_later(0.001, right.send, b"x")
            assert await asyncio.wait_for(loop.sock_recv(left, 10), 5) == b"x"
            number = left.detach()
            other_left, other_right = socket.socketpair()
            os.dup2(other_left.fileno(), number)
            other_left.close()
            with socket.socket(fileno=number) as again, other_right:
                loop.call_later(0.001, other_right.send, b"y")
                assert await asyncio.wait_for(loop.sock_recv(again, 10), 5) == b"y"

    run(main())


def test_who_waits_on_a_lost_number_hears_of_it_when_it_is_used_again() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = pair_at_number()
        fill(left)
        first, second, third = await wait_in_turn(
            loop.sock_recv(left, 10), loop.sock_recv(left, 10), loop.sock_sendall(left, b"x")
        )
        os.close(left.detach())
        right.close()
        left, right = pair_at_number()
        loop.call_later(0.001, right.send, b"mine")
        assert await asyncio.wait_for(loop.sock_recv(left, 10), 5) == b"mine"
        for task in (first, second, third):
            with pytest.raises(OSError, match="Bad file descriptor"):
                await asyncio.wait_for(task, 5)
        left.close()
        right.close()

    run(main())


def test_a_transport_does_not_share_its_socket() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        left.setblocking(False)
        right.setblocking(False)
        loop.call_later(0.001, right.send, b"x")
        assert await loop.sock_recv(left, 10) == b"x"
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=left)
        for operation in (loop.sock_recv(left, 1), loop.sock_sendall(left, b"x")):
            with pytest.raises(RuntimeError, match="is used by transport"):
                await operation
        transport.close()
        assert await loop.sock_recv(right, 10) == b""
        right.close()

    run(main())


# --- The end of the loop, garbage.


def test_a_closed_loop_forgets_who_waits(loop: tricorn.Loop) -> None:
    with socket_pair() as (left, _):
        operation = loop.sock_recv(left, 1)
        operation.send(None)
        loop.close()
        operation.close()
        fresh = loop.sock_recv(left, 1)
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            fresh.send(None)


def test_a_reader_that_goes_with_its_loop_may_end_who_waits(loop: tricorn.Loop) -> None:
    class Reader:
        def __call__(self) -> None: ...

        def __del__(self) -> None:
            operation.close()
            ended.append(operation)

    ended: list[object] = []
    with socket_pair() as pair, socket_pair() as waited_on:
        for sock in pair:
            loop.add_reader(sock, Reader())
        operation = loop.sock_recv(waited_on[0], 1)
        operation.send(None)
        loop.close()
    assert ended == [operation] * 2


def test_what_waits_is_garbage_with_its_loop() -> None:
    loop = tricorn.new_event_loop()
    left, right = socket.socketpair()
    left.setblocking(False)
    task = loop.create_task(loop.sock_recv(left, 1))
    run_turn(loop)
    assert not task.done()
    alive = weakref.ref(loop)
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    loop.close()
    del loop
    gc.collect()
    assert alive() is None
    left.close()
    right.close()


def test_a_task_that_nobody_else_holds_is_no_garbage_while_it_waits() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        received: list[bytes] = []

        async def receive(sock: socket.socket) -> None:
            received.append(await loop.sock_recv(sock, 10))

        with socket_pair() as (left, right):
            loop.create_task(receive(left))
            await asyncio.sleep(0)
            gc.collect()
            right.send(b"x")
            while not received:
                await asyncio.sleep(0.001)
            assert received == [b"x"]

    run(asyncio.wait_for(main(), 5))


def test_what_waits_is_garbage_with_a_loop_that_nobody_closed(recwarn: pytest.WarningsRecorder) -> None:
    loop = tricorn.new_event_loop()
    with socket_pair() as (left, _):
        task = loop.create_task(loop.sock_recv(left, 1))
        run_turn(loop)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        alive = weakref.ref(loop)
        del task, loop
        gc.collect()
        warnings = [str(warning.message) for warning in recwarn]
        recwarn.clear()  # holds the loop as the warning's source
        gc.collect()
        assert alive() is None
    assert any("unclosed event loop" in warning for warning in warnings)


def test_an_abandoned_operation_does_not_wait() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            operation = loop.sock_recv(left, 10)
            operation.send(None)
            del operation
            right.send(b"x")
            await asyncio.sleep(0.002)
            assert left.recv(10) == b"x"

    run(main())


def test_many_operations_leave_nothing_behind() -> None:
    async def echo(sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(sock, 1000):
            await loop.sock_sendall(sock, data)

    async def round_trips(left: socket.socket, count: int) -> None:
        loop = asyncio.get_running_loop()
        buffer = bytearray(10)
        for number in range(count):
            await loop.sock_sendall(left, b"x")
            if number % 2:
                await loop.sock_recv(left, 10)
            else:
                await loop.sock_recv_into(left, buffer)

    async def cancel_some(left: socket.socket, count: int) -> None:
        for _ in range(count):
            (task,) = await wait_in_turn(asyncio.get_running_loop().sock_recv(left, 10))
            task.cancel()
            await asyncio.wait([task])

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right), socket_pair() as (idle, _):
            echoing = loop.create_task(echo(right))
            for warm in (True, False):
                gc.collect()
                blocks, descriptors = sys.getallocatedblocks(), len(os.listdir("/proc/self/fd"))
                await round_trips(left, 1000 if warm else 25_000)
                await cancel_some(idle, 100 if warm else 2_000)
            gc.collect()
            assert len(os.listdir("/proc/self/fd")) == descriptors
            assert sys.getallocatedblocks() - blocks < 200
            left.shutdown(socket.SHUT_WR)
            await echoing

    run(main())
