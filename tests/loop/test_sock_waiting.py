"""Operations of sock_* that wait: in which order, beside whom, until when."""

import asyncio
import os
import socket

import pytest
import tricorn

from loop.sockets import bound_socket, fill, read_all, socket_pair, wait_in_turn
from loop.turns import run


# --- Cancellation.


@pytest.mark.parametrize("name", ["sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into"])
def test_a_cancelled_reader_takes_nothing(name: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair(socket.SOCK_DGRAM) as (left, right):
            argument = bytearray(10) if name.endswith("_into") else 10
            (task,) = await wait_in_turn(getattr(loop, name)(left, argument))
            task.cancel()
            right.send(b"x")
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.002)
            assert left.recv(10) == b"x"

    run(main())


@pytest.mark.parametrize("name", ["sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into"])
def test_what_comes_in_the_turn_of_a_cancellation_is_left_for_the_next(name: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair(socket.SOCK_DGRAM) as (left, right):
            argument = bytearray(10) if name.endswith("_into") else 10
            (task,) = await wait_in_turn(getattr(loop, name)(left, argument))
            right.send(b"x")
            loop.call_soon(task.cancel)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert left.recv(10) == b"x"

    run(main())


def test_who_comes_in_the_turn_of_a_cancellation_is_accepted_next() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with bound_socket(socket.SOCK_STREAM) as listener:
            (task,) = await wait_in_turn(loop.sock_accept(listener))
            with socket.create_connection(listener.getsockname()) as client:
                loop.call_soon(task.cancel)
                with pytest.raises(asyncio.CancelledError):
                    await task
                accepted, address = await asyncio.wait_for(loop.sock_accept(listener), 5)
                accepted.close()
                assert address == client.getsockname()

    run(main())


def test_who_was_woken_keeps_its_place() -> None:
    """It finds nothing: somebody else has read meanwhile. It is served before those behind it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            first, second = await wait_in_turn(loop.sock_recv(left, 1), loop.sock_recv(left, 1))
            right.send(b"x")
            loop.call_soon(left.recv, 1)
            await asyncio.sleep(0.002)
            right.send(b"ab")
            assert await first == b"a" and await second == b"b"

    run(main())


def test_a_cancelled_writer_lets_go_of_its_data() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            fill(left)
            data = bytearray(10)
            (task,) = await wait_in_turn(loop.sock_sendall(left, data))
            task.cancel()
            read_all(right)
            with pytest.raises(asyncio.CancelledError):
                await task
            data.append(0)
            await asyncio.sleep(0.002)
            with pytest.raises(BlockingIOError):
                right.recv(1)

    run(main())


def test_cancelled_accept_and_connect() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with bound_socket(socket.SOCK_STREAM) as listener:
            (task,) = await wait_in_turn(loop.sock_accept(listener))
            task.cancel()
            await asyncio.wait([task])
            with socket.create_connection(listener.getsockname()) as client:
                await asyncio.sleep(0.002)
                connection, address = listener.accept()
                assert address == client.getsockname()
                connection.close()

    run(main())


def test_a_timeout_leaves_the_socket_usable() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            for _ in range(3):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(loop.sock_recv(left, 10), 0.002)
                right.send(b"x")
                assert await asyncio.wait_for(loop.sock_recv(left, 10), 5) == b"x"

    run(main())


# --- Several at once.


def test_readers_of_one_socket_are_served_in_order() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            tasks = await wait_in_turn(*(loop.sock_recv(left, 1) for _ in range(5)))
            tasks[2].cancel()
            right.send(b"abcd")
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert results[:2] + results[3:] == [b"a", b"b", b"c", b"d"]
            assert isinstance(results[2], asyncio.CancelledError)

    run(main())


def test_who_comes_later_does_not_overtake() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            (first,) = await wait_in_turn(loop.sock_recv(left, 1))
            right.send(b"ab")
            assert await loop.sock_recv(left, 1) == b"b"
            assert first.result() == b"a"

    run(main())


def test_writers_of_one_socket_do_not_mix() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        size = 500_000
        with socket_pair() as (left, right):
            tasks = await wait_in_turn(*(loop.sock_sendall(left, bytes([65 + i]) * size) for i in range(3)))
            received = bytearray()
            while len(received) < 3 * size:
                received += await loop.sock_recv(right, 100_000)
            await asyncio.gather(*tasks)
            assert received == b"A" * size + b"B" * size + b"C" * size

    run(main())


def test_several_accept_at_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with bound_socket(socket.SOCK_STREAM) as listener:
            tasks = await wait_in_turn(*(loop.sock_accept(listener) for _ in range(3)))
            clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
            accepted = [await task for task in tasks]
            assert [address for _, address in accepted] == [client.getsockname() for client in clients]
            for sock in clients + [connection for connection, _ in accepted]:
                sock.close()

    run(main())


def test_reading_and_writing_at_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            fill(left)
            reading, writing = await wait_in_turn(loop.sock_recv(left, 10), loop.sock_sendall(left, b"x"))
            right.send(b"in")
            assert await reading == b"in"
            assert not writing.done()
            read_all(right)
            await asyncio.wait_for(writing, 5)

    run(main())


# --- Beside add_reader and add_writer.


def test_a_reader_handle_and_an_operation_live_together() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        log: list[str] = []
        with socket_pair() as (left, right):
            (task,) = await wait_in_turn(loop.sock_recv(left, 1))
            loop.add_reader(left, log.append, "readable")
            right.send(b"ab")
            assert await task == b"a"
            while not log:
                await asyncio.sleep(0)
            (task,) = await wait_in_turn(loop.sock_recv(left, 1))
            assert loop.remove_reader(left)
            if not task.done():
                right.send(b"c")
            assert await asyncio.wait_for(task, 5) in (b"b", b"c")
            log.clear()
            (task,) = await wait_in_turn(loop.sock_recv(left, 10))
            right.send(b"d")
            assert (await asyncio.wait_for(task, 5)).endswith(b"d")
            assert log == []

    run(main())


def test_a_writer_handle_and_an_operation_live_together() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            fill(left)
            writable = asyncio.Event()
            (task,) = await wait_in_turn(loop.sock_sendall(left, b"x"))
            loop.add_writer(left, writable.set)
            assert loop.remove_writer(left)
            loop.add_writer(left, writable.set)
            read_all(right)
            await asyncio.wait_for(task, 5)
            await asyncio.wait_for(writable.wait(), 5)
            loop.remove_writer(left)
            fill(left)
            loop.add_writer(left, writable.set)
            (task,) = await wait_in_turn(loop.sock_sendall(left, b"x"))
            loop.remove_writer(left)
            read_all(right)
            await asyncio.wait_for(task, 5)

    run(main())


def test_operations_do_not_keep_the_loop_busy(loop: tricorn.Loop) -> None:
    """What stays armed is disarmed when it fires for nobody."""
    with socket_pair() as (left, right):

        async def use() -> None:
            fill(left)
            sending = loop.create_task(loop.sock_sendall(left, b"x"))
            await asyncio.sleep(0)
            read_all(right)
            await sending
            receiving = loop.create_task(loop.sock_recv(left, 1))
            await asyncio.sleep(0)
            right.send(b"ab")
            await receiving

        loop.run_until_complete(use())
        loop.call_later(0.05, loop.stop)
        before = os.times()
        loop.run_forever()
        after = os.times()
        assert after.user + after.system - before.user - before.system < 0.04
