"""What happens when callbacks raise, and how run_forever is left."""

import asyncio
import contextvars
import logging
import os
import signal
import socket
import threading
import time
from typing import Any

import pytest
import tricorn

from loop.sockets import socket_pair
from loop.turns import run, run_turn


def collect(loop: tricorn.Loop) -> list[dict[str, Any]]:
    """The contexts that the exception handler gets."""
    contexts: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: contexts.append(context))
    return contexts


def test_exceptions_are_reported_with_their_handle(loop: tricorn.Loop) -> None:
    contexts = collect(loop)
    log: list[str] = []

    def fail(_: int) -> None:
        raise ValueError("no")

    handle = loop.call_soon(fail, 7)
    loop.call_soon(log.append, "goes on")
    run_turn(loop)
    (context,) = contexts
    assert context["message"].startswith("Exception in callback test_exceptions_are_reported_with_their_handle")
    assert "fail(" in context["message"]
    assert isinstance(context["exception"], ValueError)
    assert context["exception"].__traceback__.tb_next is None
    assert context["handle"] is handle
    assert log == ["goes on"]


def test_cancelled_error_is_reported_like_any_other(loop: tricorn.Loop) -> None:
    contexts = collect(loop)
    future = loop.create_future()
    future.cancel()
    loop.call_soon(future.result)
    run_turn(loop)
    assert isinstance(contexts[0]["exception"], asyncio.CancelledError)


def test_a_context_in_use_is_reported(loop: tricorn.Loop, caplog: pytest.LogCaptureFixture) -> None:
    context = contextvars.copy_context()
    loop.call_soon(print, context=context)
    context.run(run_turn, loop)
    assert "already entered" in caplog.text


def test_a_failing_exception_handler_is_logged(loop: tricorn.Loop, caplog: pytest.LogCaptureFixture) -> None:
    def bad_handler(*_: object) -> None:
        raise RuntimeError("bad handler")

    loop.set_exception_handler(bad_handler)
    loop.call_soon(lambda: 1 / 0)
    run_turn(loop)
    assert "Unhandled error in exception handler" in caplog.text


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_these_leave_run_forever_and_the_rest_runs_later(
    loop: tricorn.Loop, exception: type[BaseException]
) -> None:
    log: list[str] = []

    def leave() -> None:
        raise exception

    loop.call_soon(log.append, "before")
    loop.call_soon(leave)
    loop.call_soon(log.append, "after")
    with pytest.raises(exception):
        loop.run_forever()
    assert log == ["before"]
    assert not loop.is_running()
    run_turn(loop)
    assert log == ["before", "after"]


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_they_leave_at_once_out_of_a_protocol_as_well(loop: tricorn.Loop, exception: type[BaseException]) -> None:
    class Leaving(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raise exception

    async def connect(sock: socket.socket) -> None:
        await loop.create_connection(Leaving, sock=sock)

    with socket_pair() as (left, _):
        task = loop.create_task(connect(left))
        run_turn(loop)
        with pytest.raises(exception):
            run_turn(loop)
        loop.run_until_complete(task)


def test_keyboard_interrupt_ends_a_sleep(loop: tricorn.Loop) -> None:
    def interrupt() -> None:
        while not loop.is_running():
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    thread.join()


def test_keyboard_interrupt_cancels_the_main_task() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    cancelled: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        run(main())
    assert cancelled == [True]


def test_an_exception_raised_by_a_python_signal_handler_leaves(loop: tricorn.Loop) -> None:
    class Alarm(Exception):
        pass

    def on_alarm(*_: object) -> None:
        raise Alarm

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    try:
        with pytest.raises(Alarm):
            loop.run_forever()
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_slow_callbacks_are_logged_in_debug_mode(loop: tricorn.Loop, caplog: pytest.LogCaptureFixture) -> None:
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    loop.call_soon(sorted, [])
    with caplog.at_level(logging.WARNING, "asyncio"):
        run_turn(loop)
    assert "Executing <Handle sorted([])" in caplog.text


def test_slow_protocols_are_logged_in_debug_mode(loop: tricorn.Loop, caplog: pytest.LogCaptureFixture) -> None:
    class Receiving(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            received.set_result(data)

    async def receive(sock: socket.socket) -> bytes:
        transport, _ = await loop.create_connection(Receiving, sock=sock)
        loop.slow_callback_duration = 0
        data = await received
        transport.abort()
        return data

    received: asyncio.Future[bytes] = loop.create_future()
    loop.set_debug(True)
    with socket_pair() as (left, right), caplog.at_level(logging.WARNING, "asyncio"):
        right.send(b"x")
        assert loop.run_until_complete(receive(left)) == b"x"
    assert "Executing <SocketTransport fd=" in caplog.text


def test_slow_receivers_of_datagrams_are_logged_in_debug_mode(loop: tricorn.Loop, caplog: pytest.LogCaptureFixture) -> None:
    class Receiving(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, address: object) -> None:
            received.set_result(data)

    async def receive() -> bytes:
        transport, _ = await loop.create_datagram_endpoint(Receiving, local_addr=("127.0.0.1", 0))
        loop.slow_callback_duration = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", transport.get_extra_info("sockname"))
        data = await received
        transport.close()
        return data

    received: asyncio.Future[bytes] = loop.create_future()
    loop.set_debug(True)
    with caplog.at_level(logging.WARNING, "asyncio"):
        assert loop.run_until_complete(receive()) == b"x"
    assert "Executing <DatagramTransport fd=" in caplog.text


def test_only_one_loop_runs_in_a_thread(loop: tricorn.Loop) -> None:
    contexts = collect(loop)
    other = tricorn.new_event_loop()
    loop.call_soon(other.run_forever)
    loop.call_soon(loop.run_forever)
    run_turn(loop)
    other.close()
    assert "while another loop is running" in str(contexts[0]["exception"])
    assert "already running" in str(contexts[1]["exception"])
