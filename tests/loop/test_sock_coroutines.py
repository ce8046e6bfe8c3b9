"""What sock_* return is a coroutine to asyncio and to those who drive it by hand."""

import asyncio
import collections.abc
import inspect
import socket
import ssl
import warnings

import pytest
import tricorn

from loop.sockets import socket_pair
from loop.turns import run

METHODS = {
    "sock_recv": (1,),
    "sock_recv_into": (bytearray(1),),
    "sock_recvfrom": (1,),
    "sock_recvfrom_into": (bytearray(1),),
    "sock_sendall": (b"x",),
    "sock_sendto": (b"x", "/nowhere"),
    "sock_connect": ("/nowhere",),
    "sock_accept": (),
}


@pytest.mark.parametrize(("name", "arguments"), METHODS.items())
def test_asyncio_takes_them_for_coroutines(loop: tricorn.Loop, name: str, arguments: tuple[object, ...]) -> None:
    with socket_pair() as (left, _):
        operation = getattr(loop, name)(left, *arguments)
        assert asyncio.iscoroutine(operation)
        assert isinstance(operation, collections.abc.Coroutine)
        assert inspect.isawaitable(operation)
        assert operation.__name__ == name
        assert operation.__qualname__ == f"Loop.{name}"
        operation.close()


def test_nothing_happens_before_the_first_step(loop: tricorn.Loop) -> None:
    with socket_pair() as (left, right):
        operation = loop.sock_sendall(left, b"x")
        with pytest.raises(BlockingIOError):
            right.recv(1)
        with pytest.raises(StopIteration) as stopped:
            operation.send(None)
        assert stopped.value.value is None
        assert right.recv(1) == b"x"


def test_every_way_to_await() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):

            def receive() -> collections.abc.Coroutine[object, object, bytes]:
                loop.call_later(0.001, right.send, b"x")
                return loop.sock_recv(left, 1)

            assert await receive() == b"x"
            assert await loop.create_task(receive()) == b"x"
            assert await asyncio.ensure_future(receive()) == b"x"
            assert await asyncio.gather(receive()) == [b"x"]
            assert await asyncio.wait_for(receive(), 5) == b"x"
            assert await asyncio.shield(receive()) == b"x"
            async with asyncio.timeout(5):
                assert await receive() == b"x"
            async with asyncio.TaskGroup() as group:
                task = group.create_task(receive(), name="receive")
            assert task.result() == b"x"
            done, _ = await asyncio.wait([asyncio.create_task(receive())])
            assert done.pop().result() == b"x"

    run(main())


def test_run_until_complete(loop: tricorn.Loop) -> None:
    with socket_pair() as (left, right):
        right.send(b"x")
        assert loop.run_until_complete(loop.sock_recv(left, 1)) == b"x"


def test_a_task_shows_its_name(loop: tricorn.Loop) -> None:
    with socket_pair() as (left, right):
        task = loop.create_task(loop.sock_recv(left, 1))
        assert "coro=<Loop.sock_recv()>" in repr(task)
        right.send(b"x")
        loop.run_until_complete(task)


def test_an_operation_that_is_over_cannot_be_awaited_again() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            right.send(b"xy")
            operation = loop.sock_recv(left, 1)
            await operation
            with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
                await operation
            with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
                operation.throw(ValueError())
            operation.close()
            assert left.recv(2) == b"y"

    run(main())


def test_throw_ends_it_with_the_exception(loop: tricorn.Loop) -> None:
    with socket_pair() as (left, right):
        fresh, waiting = loop.sock_recv(left, 1), loop.sock_recv(left, 1)
        assert asyncio.isfuture(waiting.send(None))
        for operation in (fresh, waiting):
            with pytest.raises(ValueError, match="enough"):
                operation.throw(ValueError("enough"))
        right.send(b"x")
        assert left.recv(1) == b"x"


def test_a_step_out_of_turn_tries_again(loop: tricorn.Loop) -> None:
    with socket_pair() as (left, right):
        operation = loop.sock_recv(left, 1)
        operation.send(None)
        operation.send(None)
        right.send(b"x")
        with pytest.raises(StopIteration) as stopped:
            operation.send(None)
        assert stopped.value.value == b"x"


def test_never_awaited_is_warned_of(loop: tricorn.Loop) -> None:
    with socket_pair() as (left, _):
        with pytest.warns(RuntimeWarning, match="coroutine 'Loop.sock_recv' was never awaited"):
            loop.sock_recv(left, 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loop.sock_recv(left, 1).close()


def test_debug_mode_wants_non_blocking_sockets(loop: tricorn.Loop) -> None:
    loop.set_debug(True)
    with socket_pair() as (left, right):
        right.send(b"x")
        assert loop.run_until_complete(loop.sock_recv(left, 1)) == b"x"
        left.setblocking(True)
        for name, arguments in METHODS.items():
            operation = getattr(loop, name)(left, *arguments)
            with pytest.raises(ValueError, match="the socket must be non-blocking"):
                loop.run_until_complete(operation)


def test_sockets_of_tls_are_refused(loop: tricorn.Loop) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with context.wrap_socket(socket.socket(), do_handshake_on_connect=False) as sock:
        for name, arguments in METHODS.items():
            operation = getattr(loop, name)(sock, *arguments)
            with pytest.raises(TypeError, match="Socket cannot be of type SSLSocket"):
                loop.run_until_complete(operation)
