"""What sock_* do: the same as the socket's own methods, without blocking."""

import array
import asyncio
import errno
import signal
import socket
import threading
from pathlib import Path

import pytest

from loop.sockets import bound_socket, fill, read_all, socket_pair
from loop.turns import run


def test_what_is_there_is_received_without_a_turn() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        turns: list[int] = []
        with socket_pair() as (left, right):
            right.send(b"hello")
            loop.call_soon(turns.append, 1)
            assert await loop.sock_recv(left, 3) == b"hel"
            buffer = bytearray(10)
            assert await loop.sock_recv_into(left, buffer) == 2
            assert buffer[:2] == b"lo"
            await loop.sock_sendall(left, b"world")
            assert right.recv(10) == b"world"
            assert turns == []

    run(main())


def test_what_comes_later_is_waited_for() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            for _ in range(3):
                loop.call_later(0.002, right.send, b"late")
                assert await loop.sock_recv(left, 100) == b"late"
            buffer = bytearray(3)
            loop.call_later(0.002, right.send, b"late")
            assert await loop.sock_recv_into(left, buffer) == 3
            assert buffer == b"lat"
            assert await loop.sock_recv(left, 100) == b"e"

    run(main())


def test_the_end_of_a_stream_is_empty_bytes() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            loop.call_later(0.002, right.close)
            assert await loop.sock_recv(left, 100) == b""
            assert await loop.sock_recv(left, 100) == b""
            assert await loop.sock_recv_into(left, bytearray(5)) == 0

    run(main())


def test_nothing_asked_nothing_received() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, _):
            assert await loop.sock_recv(left, 0) == b""
            assert await loop.sock_recv_into(left, bytearray()) == 0

    run(main())


@pytest.mark.parametrize("size", [1, 1000, 32767, 32768, 100_000, 131_008, 262_144, 1_000_000])
def test_streams_of_every_size_come_back_as_they_were(size: int) -> None:
    async def echo(sock: socket.socket, asked: int) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(sock, asked):
            assert len(data) <= asked
            await loop.sock_sendall(sock, data)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        sent = bytes(range(256)) * (size // 256 + 1)
        for asked in (size, 1 << 20, 4096):
            with socket_pair() as (left, right):
                echoing = loop.create_task(echo(right, asked))
                sending = loop.create_task(loop.sock_sendall(left, sent))
                received = bytearray()
                while len(received) < len(sent):
                    received += await loop.sock_recv(left, asked)
                assert received == sent
                await sending
                left.shutdown(socket.SHUT_WR)
                await echoing

    run(main())


def test_all_kinds_of_bytes_are_sent() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            for data in (b"abcd", bytearray(b"abcd"), memoryview(b"xabcdx")[1:5], array.array("h", [25185, 25699])):
                await loop.sock_sendall(left, data)
                assert right.recv(10) == b"abcd"
            await loop.sock_sendall(left, b"")

    run(main())


def test_sendall_sends_more_than_the_socket_takes_at_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        data = bytearray(range(256)) * 8192
        with socket_pair() as (left, right):
            sending = loop.create_task(loop.sock_sendall(left, data))
            await asyncio.sleep(0)
            with pytest.raises(BufferError):
                data.append(0)  # it is being sent
            received = bytearray()
            while len(received) < len(data):
                received += await loop.sock_recv(right, 50_000)
            await sending
            assert received == data
            data.append(0)

    run(main())


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_datagrams_come_with_their_sender(family: socket.AddressFamily) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with bound_socket(socket.SOCK_DGRAM, family) as left, bound_socket(socket.SOCK_DGRAM, family) as right:
            for data in (b"hello", b""):
                assert await loop.sock_sendto(left, data, right.getsockname()) == len(data)
                assert await loop.sock_recvfrom(right, 100) == (data, left.getsockname())
            loop.call_later(0.002, left.sendto, b"later", right.getsockname())
            buffer = bytearray(b"........")
            assert await loop.sock_recvfrom_into(right, buffer) == (5, left.getsockname())
            assert buffer == b"later..."
            left.sendto(b"more", right.getsockname())
            assert await loop.sock_recvfrom_into(right, buffer, 2) == (2, left.getsockname())
            left.sendto(b"0123456789", right.getsockname()[:2])
            assert await loop.sock_recvfrom(right, 4) == (b"0123", left.getsockname())

    run(main())


def test_datagrams_between_paths(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left, socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM
        ) as right:
            left.setblocking(False)
            right.setblocking(False)
            right.bind(str(tmp_path / "right"))
            assert await loop.sock_sendto(left, b"unnamed", right.getsockname()) == 7
            assert await loop.sock_recvfrom(right, 100) == (b"unnamed", None)
            left.bind(b"\0tricorn-test-left")
            await loop.sock_sendto(left, b"abstract", right.getsockname())
            assert await loop.sock_recvfrom(right, 100) == (b"abstract", b"\0tricorn-test-left")

    run(main())


def test_a_stream_has_no_sender() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with bound_socket(socket.SOCK_STREAM) as listener, socket.create_connection(listener.getsockname()) as client:
            connection, _ = await loop.sock_accept(listener)
            with connection:
                client.send(b"hi")
                assert await loop.sock_recvfrom(connection, 10) == (b"hi", None)

    run(main())


@pytest.mark.parametrize("asked", [200_000, 1 << 20])
def test_large_messages_are_received_whole(asked: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair(socket.SOCK_SEQPACKET) as (left, right):
            left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            room = left.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            size = min(room * 3 // 4, asked)
            for number in range(6):
                message = bytes([number]) * size
                sending = loop.create_task(loop.sock_sendall(left, message))
                if number % 2:
                    received = await loop.sock_recv(right, asked)
                else:
                    received, _ = await loop.sock_recvfrom(right, asked)
                assert received == message
                await sending

    run(main())


def test_errors_are_the_sockets_own() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            right.close()
            with pytest.raises(BrokenPipeError):
                await loop.sock_sendall(left, b"x")
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            await loop.sock_recv(left, 1)
        assert caught.value.errno == errno.EBADF
        with socket.socket() as unconnected:
            unconnected.setblocking(False)
            with pytest.raises(OSError, match="not connected"):
                await loop.sock_recv(unconnected, 1)
            with pytest.raises(OSError, match="Invalid argument"):
                await loop.sock_accept(unconnected)
        with socket_pair() as (left, right):
            with pytest.raises(TypeError, match="a bytes-like object is required, not 'str'"):
                await loop.sock_sendall(left, "text")  # type: ignore[arg-type]
            with pytest.raises(TypeError, match="read-write bytes-like object, not bytes"):
                await loop.sock_recv_into(left, b"text")  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="negative buffersize in recv"):
                await loop.sock_recv(left, -1)
            with pytest.raises(TypeError):
                await loop.sock_recv(left, "1")  # type: ignore[arg-type]
            with pytest.raises(TypeError, match="argument"):
                loop.sock_recv(left)  # type: ignore[call-arg]
            with pytest.raises(ValueError, match="nbytes is greater than the length of the buffer"):
                await loop.sock_recvfrom_into(left, bytearray(1), 2)
        with bound_socket(socket.SOCK_DGRAM) as sock:
            with pytest.raises(OverflowError, match="port must be 0-65535"):
                await loop.sock_sendto(sock, b"x", ("127.0.0.1", 65536))
            with pytest.raises(TypeError):
                await loop.sock_sendto(sock, b"x", "127.0.0.1")
            with pytest.raises(OSError, match="Message too long"):
                await loop.sock_sendto(sock, bytes(70_000), sock.getsockname())

    run(main())


def test_keywords_and_subclasses_work_as_in_asyncio() -> None:
    class Counting(socket.socket):
        received = 0

        def recv(self, *args: int) -> bytes:
            Counting.received += 1
            return super().recv(*args)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            right.send(b"ab")
            assert await loop.sock_recv(sock=left, n=1) == b"a"
            assert await loop.sock_recv(left, True) == b"b"
            counting = Counting(fileno=left.detach())
            with counting:
                loop.call_later(0.002, right.send, b"x")
                assert await loop.sock_recv(counting, 10) == b"x"
                assert Counting.received == 2

    run(main())


def test_a_blocking_socket_does_not_block_the_loop() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        with left, right:
            loop.call_later(0.002, right.send, b"x")
            assert await loop.sock_recv(left, 10) == b"x"
            sending = loop.create_task(loop.sock_sendall(left, bytes(1 << 20)))
            await asyncio.sleep(0)
            received = 0
            while received < 1 << 20:
                received += len(await loop.sock_recv(right, 1 << 20))
            await sending
            assert left.getblocking()

    run(main())


def test_no_signal_when_the_peer_is_gone() -> None:
    """Python ignores SIGPIPE; a program that gives it its default action back must live on, too."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            fill(left)
            sending = loop.create_task(loop.sock_sendall(left, b"more"))
            await asyncio.sleep(0)
            right.close()
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                await sending

    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        run(main())
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_a_thread_at_the_other_end() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        with left, right:
            left.setblocking(False)

            def echo() -> None:
                while data := right.recv(1000):
                    right.sendall(data)
                right.shutdown(socket.SHUT_WR)

            thread = threading.Thread(target=echo)
            thread.start()
            for number in range(200):
                await loop.sock_sendall(left, b"%d" % number)
                assert await loop.sock_recv(left, 1000) == b"%d" % number
            left.shutdown(socket.SHUT_WR)
            assert await loop.sock_recv(left, 1000) == b""
            thread.join()

    run(main())


def test_writers_wait_for_room() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket_pair() as (left, right):
            before = fill(left)
            sending = loop.create_task(loop.sock_sendall(left, b"last"))
            await asyncio.sleep(0.005)
            assert not sending.done()
            count = read_all(right)
            await asyncio.wait_for(sending, 5)
            assert count + read_all(right) == before + 4

    run(main())
